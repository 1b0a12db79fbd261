"""Remove the temporary files of a demo, however it dies.

multiprocessing keeps the sockets of its fork server and of its managers in a directory that the
main process removes on leaving; one that is killed leaves it there for ever. So another process
waits for the end of it, and does nothing else.
"""

import os
import shutil
import signal
import tempfile
from typing import NoReturn


def tidy_up_afterwards() -> None:
    """Give this process, and all it starts, a temporary directory that goes when this process does."""
    directory = tempfile.mkdtemp(prefix="pd-")  # short: the path of a socket has 107 bytes at most
    read, _open_while_we_live = os.pipe()
    if os.fork() == 0:
        _wait_and_remove(directory, read)
    os.close(read)
    os.environ["TMPDIR"] = tempfile.tempdir = directory


def _wait_and_remove(directory: str, read: int) -> NoReturn:
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        os.closerange(0, read)
        os.closerange(read + 1, os.sysconf("SC_OPEN_MAX"))
        os.read(read, 1)
        shutil.rmtree(directory, ignore_errors=True)
    finally:
        os._exit(0)
