"""What every test has: a start method to run under, and the proof that it left nobody behind."""

import contextlib
import os
import signal
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import current_process

import pytest
from downloads import forget_connections
from hypothesis import settings
from processes import Process, adopt_orphans, tree
from traces import shared_memory_left
from waiting import wait_until

pytest.register_assert_rewrite("crawls", "bunaccounts")  # a bare assert there tells what it saw, as in a test
settings.register_profile("procdemo", deadline=None, max_examples=200)
settings.load_profile("procdemo")


def pytest_configure() -> None:
    """Orphans of what a test starts come to us, so that we see them; nothing inherits our signals."""
    adopt_orphans()
    for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(signum) is signal.SIG_IGN:  # e.g. tests run by nohup
            signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
    # Semaphores made by tests, and by their children, are told from those of other programs by name.
    current_process()._config["semprefix"] = f"/pytest{os.getpid()}"


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def start_method(request: pytest.FixtureRequest) -> str:
    """Return each way of making processes in turn."""
    method: str = request.param
    return method


@pytest.fixture
def fresh_worker() -> Iterator[None]:
    """Close the connections that a test kept which fetches pages itself, as a worker would."""
    yield
    forget_connections()


@pytest.fixture(autouse=True)
def _nobody_left_behind() -> Iterator[None]:
    """Prove that the test waited for all its children, and left nothing in /dev/shm."""
    before = set(os.listdir("/dev/shm"))
    yield
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not _descendants(), limit=1.0)
    left = _descendants()
    while _descendants():  # or the next test would be blamed
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    # Only now: a tracker ends when the last process that knows it has ended.
    forkserver._forkserver._stop()
    with contextlib.suppress(ChildProcessError):  # a Stage in this process has waited for it already
        resource_tracker._resource_tracker._stop()
    assert not left
    assert not shared_memory_left(before, f"sem.pytest{os.getpid()}")


def _descendants() -> dict[int, Process]:
    """Return the processes under this one, without the helpers that multiprocessing starts once and keeps."""
    helpers = {forkserver._forkserver._forkserver_pid, resource_tracker._resource_tracker._pid}
    return {pid: process for pid, process in tree(os.getpid()).items() if pid not in helpers}
