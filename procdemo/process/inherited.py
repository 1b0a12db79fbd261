"""What a program inherits from the one that starts it, and what the command changes of that.

Signal mask, ignored signals, umask, open files, environment and working directory survive exec(2). A
launcher, a service manager, cron, nohup, a shell: each leaves other ones. What the command needs for its
promises it sets at its start. What its parent has chosen on purpose stays as it is.
"""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

_WIDEST = 65_535  # columns of a terminal: an unsigned short (struct winsize, ioctl_tty(2))
_OWNER = 0o700


class Inherited(NamedTuple):
    """What this process was started with, as far as `prepare_process` changes it."""

    blocked: frozenset[int]
    """Signals."""
    ignored: frozenset[int]
    """Signals. SIGPIPE and SIGXFSZ are never among them, because Python ignores both at its start."""
    umask: int
    closed: tuple[int, ...]
    """The standard streams that were not open."""
    sizes: dict[str, str]
    """COLUMNS and LINES."""


_inherited: Inherited | None = None  # before `prepare_process`


def prepare_process() -> None:
    """Set what every command needs; to be called once, as the first thing.

    - No signal is blocked: with the mask of a launcher neither Ctrl-C nor SIGTERM would be heard.
    - SIGTERM is handled also if the parent ignores it, because it must end a server; so is SIGALRM, by which
      a wait ends that is too long. (SIGCHLD: see `Runner`.)
    - SIGINT stays ignored if it is (a background job of a script), and so does SIGHUP (nohup).
    - The owner of a new file may use it: a umask such as 0777 would lock us out of our own temporary folder.
    - COLUMNS and LINES that name no size of a terminal are removed; see `forget_odd_sizes`.
    """
    global _inherited  # noqa: PLW0603 - one process, one past
    _inherited = _look()
    if hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # Until the command has its own handlers, a request to stop just ends it: nothing is to be cleaned up.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, _leave)
        signal.signal(signal.SIGTERM, _leave)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    elif signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # Windows
        signal.signal(signal.SIGINT, _leave)
    umask = os.umask(0o077)
    os.umask(umask & ~_OWNER)
    _open_standard_streams()
    forget_odd_sizes()


def of_this_process() -> Inherited:
    """Return what this process was started with."""
    return _inherited or _look()


def _look() -> Inherited:
    blocked: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()
    if hasattr(signal, "pthread_sigmask"):
        blocked = frozenset(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        by_python = {signal.SIGPIPE, signal.SIGXFSZ}
        ignored = frozenset(
            int(signum)
            for signum in signal.valid_signals() - by_python
            if signal.getsignal(signum) is signal.SIG_IGN
        )
    umask = os.umask(0o077)
    os.umask(umask)
    closed = tuple(fd for fd, name in enumerate(("stdin", "stdout", "stderr")) if getattr(sys, name) is None)
    sizes = {name: os.environ[name] for name in ("COLUMNS", "LINES") if name in os.environ}
    return Inherited(blocked, ignored, umask, closed, sizes)


def give_back() -> None:
    """Make all of it as it was at the start, for a program that takes the place of this process by exec(2).

    Call it in a child right after fork(), with all signals blocked; they are unblocked as the last thing.
    """
    inherited = of_this_process()
    for signum in signal.valid_signals():
        wanted = signal.SIG_IGN if signum in inherited.ignored else signal.SIG_DFL
        if signal.getsignal(signum) not in {wanted, None}:
            signal.signal(signum, wanted)
    os.umask(inherited.umask)
    for fd in inherited.closed:
        os.close(fd)
    signal.pthread_sigmask(signal.SIG_SETMASK, inherited.blocked)


def environment() -> dict[str, str]:
    """Return the environment with which this process was started.

    In the C locale Python adds LC_CTYPE (PEP 538); what /proc/self/environ says is without that.
    """
    given = dict(os.environ) | of_this_process().sizes
    with suppress(OSError), open("/proc/self/environ", "rb") as file:
        if not any(entry.startswith(b"LC_CTYPE=") for entry in file.read().split(b"\0")):
            given.pop("LC_CTYPE", None)
    return given


def _leave(signum: int, _frame: FrameType | None) -> None:
    os._exit(128 + signum)


def _open_standard_streams() -> None:
    """Open the null device for each stream that the caller has closed; or a pipe would get its number."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, fd)
            os.set_inheritable(fd, True)  # dup2(2) does nothing if it is the same number
            if null > 2:  # noqa: PLR2004
                os.close(null)
            setattr(sys, name, os.fdopen(fd, "w" if fd else "r", closefd=False))


def forget_odd_sizes() -> None:
    """Remove COLUMNS and LINES from the environment if they are no numbers from 1 to 65,535.

    Then the terminal itself is asked. With COLUMNS=0 Rich would draw nothing at all.
    """
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name)
        if value is not None and not (
            value.isascii() and value.isdecimal() and len(value) < 6 and 1 <= int(value) <= _WIDEST  # noqa: PLR2004
        ):
            del os.environ[name]


def leave_missing_folder(other: str) -> None:
    """Go to the folder `other` if the working directory was removed, or may not be looked at.

    multiprocessing tells each process that it starts anew where it is (`os.getcwd` in spawn.py).
    """
    try:
        os.getcwd()
    except OSError:
        os.chdir(other)
