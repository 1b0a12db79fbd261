"""Network and mounts of a test's own, if the system permits that without root."""

import shutil
import subprocess

import pytest

NETWORK_OF_ITS_OWN = ["unshare", "--user", "--map-root-user", "--net"]
FILES_OF_ITS_OWN = ["--mount"]
"""To be added to it: what the command mounts is invisible elsewhere."""
PIDS_OF_ITS_OWN = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]


def _permitted(*options: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*NETWORK_OF_ITS_OWN, *options, "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_a_network_of_its_own = pytest.mark.skipif(
    not _permitted(*FILES_OF_ITS_OWN), reason="no namespaces permitted here"
)
needs_pids_of_its_own = pytest.mark.skipif(
    not _permitted("--pid", "--fork", "--mount-proc"), reason="no namespaces permitted here"
)
