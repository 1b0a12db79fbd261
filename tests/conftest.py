"""What every test has: a start method to run under, and a check that it leaves nothing behind."""

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import current_process

import pytest
from downloads import forget_origins
from hypothesis import settings
from processes import Process, adopt_orphans, tree
from selection import short_selection
from shared_memory import make_private, own_shared_memory, semaphore_prefix
from waiting import wait_until

pytest.register_assert_rewrite(
    "crawls", "bunaccounts"
)  # so that a bare assert there shows its values, as in a test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--all`` and ``--rest``."""
    parser.addoption("--all", action="store_true", help="every start method and every case, as make test-all")
    parser.addoption("--rest", action="store_true", help="of --all only what is not run without it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only ``make test-all`` runs; or, with ``--rest``, all but that."""
    rest = config.getoption("--rest")
    if config.getoption("--all") and not rest:
        return
    short = set(short_selection(items))
    config.hook.pytest_deselected(items=[item for item in items if (item in short) == rest])
    items[:] = [item for item in items if (item in short) != rest]


def pytest_configure(config: pytest.Config) -> None:
    """Make orphans of tests our children, so that we see them; make sure that no child ignores signals."""
    config.option.all = config.option.all or config.option.rest
    examples = 200 if config.option.all else 50
    settings.register_profile("procdemo", deadline=None, max_examples=examples)
    settings.load_profile("procdemo")
    adopt_orphans()
    make_private()
    for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(signum) is signal.SIG_IGN:  # e.g. tests run by nohup
            signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
    # The names of semaphores tell those of the tests, and of their children, from those of other programs.
    current_process()._config["semprefix"] = semaphore_prefix()


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def start_method(request: pytest.FixtureRequest) -> str:
    """Return each start method in turn."""
    method: str = request.param
    return method


@pytest.fixture
def fresh_worker() -> Iterator[None]:
    """Close the connections that are kept by a test that fetches pages itself, as a worker does."""
    yield
    forget_origins()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Check that the test has waited for all its children, and has left no semaphore."""
    shared_memory = own_shared_memory(private=False)  # a program that a test kills may leave names
    unknown = _unknown_threads()
    yield
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not _descendants(), limit=1.0)
    left = _descendants()
    while _descendants():  # otherwise the next test would fail for it
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    # Only now: a resource tracker ends when the last process that has its pipe open has ended.
    forkserver._forkserver._stop()
    with contextlib.suppress(ChildProcessError):  # a Runner in this process has waited for it already
        resource_tracker._resource_tracker._stop()
    gc.unfreeze()  # as a program does with its own; Hypothesis looks for what refers to its random numbers
    with contextlib.suppress(AssertionError):  # or fork() would warn of a thread that is about to go
        wait_until(lambda: _unknown_threads() <= unknown, limit=1.0)
    assert not left
    assert not shared_memory.left()


def _unknown_threads() -> int:
    """Return how many threads Python does not count; one that was joined is there for a moment more."""
    return len(os.listdir("/proc/self/task")) - threading.active_count() if sys.platform == "linux" else 0


def _descendants() -> dict[int, Process]:
    """Return the descendants of this process, without the helpers that multiprocessing starts once."""
    helpers = {forkserver._forkserver._forkserver_pid, resource_tracker._resource_tracker._pid}
    return {pid: process for pid, process in tree(os.getpid()).items() if pid not in helpers}
