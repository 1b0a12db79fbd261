"""Commands on a platform that lacks something: in mounts of their own, or under a limit."""

import shutil
import subprocess

import pytest
from harness import PROCDEMO

_OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
_FILL = "head -c 4096 /dev/zero >"
MOUNTS = {
    "/dev/shm read-only": "mount -t tmpfs -o ro none /dev/shm",
    "/dev/shm full": f"mount -t tmpfs -o size=4k none /dev/shm && {_FILL}/dev/shm/fill",
    "/dev/shm missing": "mount -t tmpfs none /mnt && touch /mnt/null && mount --bind /dev/null /mnt/null"
    " && mount -t tmpfs none /dev && touch /dev/null && mount --bind /mnt/null /dev/null",
    "TMPDIR read-only": "mount -t tmpfs -o ro none $TMPDIR",
    "TMPDIR without room": "mount -t tmpfs -o nr_inodes=1 none $TMPDIR",
    "/proc missing": "mount -t tmpfs none /proc",
}
"""What a shell does in mounts of its own, by what is lacking then."""


def without(lacking: str) -> list[str]:
    """Return a program that runs procdemo where something is lacking: a key of `MOUNTS`."""
    return [*_OWN_MOUNTS, f'{MOUNTS[lacking]} && exec "$0" "$@"', *PROCDEMO]


def limited(limit: str) -> list[str]:
    """Return a program that runs procdemo under a limit, e.g. ``-n 16`` (ulimit of the shell)."""
    return ["bash", "-c", f'ulimit {limit} && exec "$0" "$@"', *PROCDEMO]


def _permitted() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*_OWN_MOUNTS, "mount -t tmpfs none /mnt && mount -t tmpfs none /proc"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_mounts_of_its_own = pytest.mark.skipif(not _permitted(), reason="no mounts permitted here")
