"""The processes that multiprocessing needs for itself: their names, and how they are recognised.

Their command lines have the code that the interpreter runs (forkserver.py and resource_tracker.py of
multiprocessing, `ensure_running`).
"""

from procdemo.process import procfs

FORK_SERVER, RESOURCE_TRACKER = "fork server", "resource tracker"
_WORDS = {
    b"from multiprocessing.forkserver import main": FORK_SERVER,
    b"from multiprocessing.resource_tracker import main": RESOURCE_TRACKER,
}


def helper_named(command: bytes, parent_command: bytes = b"") -> str:
    """Return which helper a process is, by its command line; empty if it is none.

    What the fork server forks has the command line of the fork server. So a process whose parent has that,
    too, is none.
    """
    name = next((name for words, name in _WORDS.items() if words in command), "")
    return "" if name == FORK_SERVER and name == helper_named(parent_command) else name


def helper_of(pid: int) -> str:
    """Return which helper a process is; empty if it is none, or if there is no such process."""
    command, parent = (procfs.read(f"/proc/{each}/cmdline") for each in (pid, procfs.parent(pid)))
    return helper_named(command, parent)


def is_tracker(pid: int) -> bool:
    """Return whether a process is a resource tracker, which tidies up and ends when the others have ended."""
    return helper_named(procfs.read(f"/proc/{pid}/cmdline")) == RESOURCE_TRACKER


def helps_or_ends(pid: int) -> bool:
    """Return whether a process is a helper, or nearly gone: it has no command line then."""
    return not procfs.command(pid) or bool(helper_of(pid))
