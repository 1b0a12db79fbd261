"""Networks and files of a test's own, where the system permits that to everybody."""

import shutil
import subprocess

import pytest

NETWORK_OF_ITS_OWN = ["unshare", "--user", "--map-root-user", "--net"]
FILES_OF_ITS_OWN = ["--mount"]
"""After that: what is mounted by it, only it sees."""


def _permitted(*options: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*NETWORK_OF_ITS_OWN, *options, "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_a_network_of_its_own = pytest.mark.skipif(
    not _permitted(*FILES_OF_ITS_OWN), reason="no namespaces permitted here"
)
