"""Remove the temporary files of a demo, however it dies.

multiprocessing keeps the sockets of its fork server, of its managers and of whoever passes
sockets around in directories that their makers remove on leaving; one that is killed leaves
them there for ever. So another process waits for the end of the demo, and does nothing else.
"""

import os
import signal
import sys
from typing import NamedTuple, NoReturn


class TempDir(NamedTuple):
    """A temporary directory that goes when the last process that has `fd` open is gone."""

    directory: str
    fd: int

    def use(self) -> None:
        """Make this the temporary directory of this process and of all it starts."""
        os.environ["TMPDIR"] = self.directory
        if tempfile := sys.modules.get("tempfile"):  # too slow to import only for this
            tempfile.tempdir = self.directory  # type: ignore[attr-defined]


def open_temp_dir() -> TempDir:
    """Make the directory, and start the process that will remove it."""
    # Short: the path of a socket below it must not have more than 107 bytes.
    parent = os.environ.get("TMPDIR")
    directory = f"{parent if parent and os.path.isdir(parent) else '/tmp'}/pd-{os.urandom(4).hex()}"  # noqa: S108
    os.mkdir(directory, mode=0o700)
    read, write = os.pipe()
    if os.fork() == 0:
        _wait_and_remove(directory, read)
    os.close(read)
    return TempDir(directory, write)


def _wait_and_remove(directory: str, read: int) -> NoReturn:
    try:
        os.setpgid(0, 0)  # whoever kills the command's group does not mean us
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        os.closerange(0, read)
        os.closerange(read + 1, os.sysconf("SC_OPEN_MAX"))
        os.read(read, 1)
        try:
            os.rmdir(directory)  # most demos leave it empty
        except OSError:
            import shutil  # noqa: PLC0415 - slow

            shutil.rmtree(directory, ignore_errors=True)
    finally:
        os._exit(0)
