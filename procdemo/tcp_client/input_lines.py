"""The messages to send if none are given as arguments: from a person at a prompt, or from a pipe.

At the prompt there is line editing and a history if Python has readline. The prompt is for a
terminal only: it never reaches a pipe or a file.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator

from procdemo.demo.settings import CannotRunError

PROMPT = ">>> "

_LONGEST = 64 << 20  # bytes of one line of a pipe; an endless line must not take all memory


def is_interactive() -> bool:
    """Return whether stdin is a terminal, so that a person can be asked."""
    return sys.stdin.isatty()


class ServerLeftError(Exception):
    """The server has closed the connection while a person was asked."""


def typed(conn: socket.socket) -> Iterator[bytes]:
    """Yield what a person types, line by line, until Ctrl-D; empty lines are left out.

    Raises:
        ServerLeftError: the other side of `conn` is closed, whether half a line is typed or not.
    """
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")  # a terminal can send any byte
    with contextlib.suppress(EOFError):
        while True:
            with _noticing_the_end(conn):
                line = _ask()
            if line:
                yield line.encode(sys.stdin.encoding, "surrogateescape")


@contextlib.contextmanager
def _noticing_the_end(conn: socket.socket) -> Iterator[None]:
    """Raise ServerLeftError within the block as soon as the connection is at its end.

    The kernel sends SIGIO when something happens to the connection (fcntl(2), F_SETOWN and O_ASYNC; macOS has
    it, too), and input() calls Python's handlers while it waits.
    """

    def check(*_: object) -> None:
        try:
            at_end = not conn.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            at_end = False
        except OSError:
            at_end = True
        if at_end:
            raise ServerLeftError

    if not hasattr(signal, "SIGIO"):  # Windows
        yield
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    earlier = signal.signal(signal.SIGIO, check)
    flags = fcntl.fcntl(conn, fcntl.F_GETFL)
    try:
        fcntl.fcntl(conn, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(conn, fcntl.F_SETFL, flags | os.O_ASYNC)
        check()
        yield
    finally:
        fcntl.fcntl(conn, fcntl.F_SETFL, flags)
        signal.signal(signal.SIGIO, earlier)


def _ask() -> str:
    """Return one line without its end; raise EOFError when there will be none."""
    if not sys.stdout.isatty():
        return _ask_on_stderr()
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - input() edits lines by it; it may write to the terminal
    try:
        return input(PROMPT)
    except BaseException:  # Ctrl-D, Ctrl-C: what follows begins on a line of its own
        with contextlib.suppress(OSError):
            sys.stdout.write("\n")
            sys.stdout.flush()
        raise


def _ask_on_stderr() -> str:
    """Ask on stderr, because stdout is no terminal; only the terminal itself edits the line."""
    if sys.stderr.isatty():
        sys.stderr.write(PROMPT)
        sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        raise EOFError
    return line.rstrip("\r\n")


def piped() -> Iterator[bytes]:
    """Yield each line of stdin as it comes, without its end; the last may lack one.

    Raises:
        CannotRunError: stdin cannot be read, or a line does not end.
    """
    number = 0
    while True:
        number += 1
        try:
            line = sys.stdin.buffer.readline(_LONGEST + 1)
        except OSError as error:
            raise CannotRunError(
                f"cannot read the messages from stdin: {error.strerror}", "procdemo echo-client WORD"
            ) from None
        if not line:
            return
        if len(line) > _LONGEST:
            raise CannotRunError(
                f"line {number} of stdin is longer than {_LONGEST:,} bytes", "shorter lines, e.g. | fold"
            )
        yield line.removesuffix(b"\n").removesuffix(b"\r")
