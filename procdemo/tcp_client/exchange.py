"""One message to an upper-case server and its answer, and every way a server can fail us.

TCP is a stream: one recv() may bring a part of the answer, and more than the answer too. So an
answer is read until it is whole, compared byte for byte, and what comes beyond it is an error.
Nothing here waits or sleeps: who calls decides how, for one connection or for thousands.
"""

import errno
import socket

from procdemo.demo.text import printable

_CHUNK = 65_536  # most bytes asked of one recv()
_QUOTED = 60  # characters of a server's bytes shown in an error
_LINE = 1_000  # longest refusal that is read
_REFUSAL = b"procdemo: "  # how a line of our servers begins that says why they do not answer
RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}
"""Errors that mean: the other side has thrown the connection away."""

_HINTS = {
    "unknown host": "an address, e.g. --host 127.0.0.1",
    "refused": "procdemo echo-server --port {port}, before this, in another terminal",
    "unreachable": "another --host; is the server's network up?",
    "silent": "a longer --timeout; all workers of the server may be busy with clients that stay",
    "reset": "look at the server: was the process that served us killed?",
    "closed early": "look at the server: did it end, or was one of its limits reached?",
    "wrong bytes": "is that an upper-case server? procdemo echo-server --port {port} is one",
    "extra bytes": "is that an upper-case server? procdemo echo-server --port {port} is one",
    "never closed": "look at the server: does a process of it still hold the socket?",
    "said no": "the limits of a server are options: procdemo echo-server --help",
}


class ServerFailedError(Exception):
    """The server did not do what an upper-case server does."""

    def __init__(self, kind: str, what: str) -> None:
        """Say which of the known kinds it is, and what happened as a predicate: ``was silent``."""
        super().__init__(what)
        self.kind = kind

    def told(self, host: str, port: int) -> tuple[str, str]:
        """Return what happened and what to try, for the person who asked for this host and port."""
        return f"{host} port {port} {self}", _HINTS[self.kind].format(port=port)


class Exchange:
    """One message on its way out, and what has been heard of its answer.

    Call `hear` when the connection is readable and `say` when it is writable and something is
    `unsent`. Both do one system call on a non-blocking socket.
    """

    __slots__ = ("_broken", "_odd", "heard", "pieces", "unsent", "wanted")

    def __init__(self, message: bytes, wanted: bytes | None = None) -> None:
        """Prepare to say `message`, and to hear `wanted` if that was computed already."""
        self.wanted = message.upper() if wanted is None else wanted
        self.unsent = memoryview(message)
        self.heard = 0
        """Bytes of the answer that came, and were right."""
        self.pieces = 0
        """How many recv() it took."""
        self._odd = b""
        self._broken: OSError | None = None

    def say(self, conn: socket.socket) -> None:
        """Send what the kernel takes now of what is unsent."""
        try:
            self.unsent = self.unsent[conn.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._broken = error  # what the server said before is still to be heard
            self.unsent = self.unsent[:0]

    def hear(self, conn: socket.socket, beyond: int = 0) -> bool:
        """Take in what has come; return whether the answer is whole.

        Args:
            conn: a non-blocking connection.
            beyond: bytes to ask for beyond the answer. Who does not hear again before the next
                message is said must ask for some, to notice that there are some.

        Raises:
            ServerFailedError: it cannot become whole any more.
        """
        missing = 0 if self._odd else len(self.wanted) - self.heard
        try:
            piece = conn.recv(min(missing + beyond, _CHUNK) or _LINE)
        except BlockingIOError:
            return self._whole()
        except OSError as error:
            raise self._lost(error) from None
        return self.take(piece) if piece else self._ended()

    def take(self, piece: bytes) -> bool:
        """Compare a piece of the answer; as `hear`."""
        self.pieces += 1
        if not self._odd:
            asked = len(self.wanted) - len(self.unsent)
            expected = self.wanted[self.heard : min(self.heard + len(piece), asked)]
            if piece == expected:
                self.heard += len(piece)
                return self._whole()
            pairs = enumerate(zip(piece, expected, strict=False))
            right = next((at for at, (a, b) in pairs if a != b), len(expected))
            self.heard += right
            piece = piece[right:]
        self._odd += piece
        started = self._odd.startswith(_REFUSAL) or _REFUSAL.startswith(self._odd)
        if not started or b"\n" in self._odd or len(self._odd) > _LINE:
            raise self._misfit()
        return False  # a refusal; read its line to the end

    def silent(self, timeout: float) -> ServerFailedError:
        """Return what to say of a server that did not do its part within `timeout` seconds."""
        if self._odd:
            return self._misfit()
        how = "too slow" if self.heard else "silent"
        so_far = f"{self.heard} of {len(self.wanted)} bytes"
        return ServerFailedError("silent", f"was {how}: {so_far} of the answer within {timeout:g} s")

    def _whole(self) -> bool:
        return self.heard == len(self.wanted) and not self._odd

    def _ended(self) -> bool:
        if self._odd:
            raise self._misfit()
        if self._broken:
            raise self._lost(self._broken)
        so_far = f"{self.heard} of {len(self.wanted)} bytes"
        raise ServerFailedError("closed early", f"closed the connection after {so_far} of the answer")

    def _lost(self, error: OSError) -> ServerFailedError:
        if self._odd:
            return self._misfit()
        so_far = f"after {self.heard} of {len(self.wanted)} bytes of the answer"
        if error.errno in RESET:
            return ServerFailedError("reset", f"reset the connection {so_far}")
        return ServerFailedError("unreachable", f"cannot be reached {so_far}: {error.strerror or error}")

    def _misfit(self) -> ServerFailedError:
        """Return what to say of bytes that do not belong to the answer."""
        if self._odd.startswith(_REFUSAL):
            line = self._odd.removeprefix(_REFUSAL).split(b"\n")[0]
            return ServerFailedError("said no", f"says: {printable(line, 200)}")
        odd = printable(self._odd, _QUOTED)
        if self.heard < len(self.wanted) - len(self.unsent):
            wanted = printable(self.wanted[self.heard :], _QUOTED)
            return ServerFailedError(
                "wrong bytes", f"answered '{odd}' instead of '{wanted}', from byte {self.heard} on"
            )
        return ServerFailedError("extra bytes", f"sent bytes that nobody asked for: '{odd}'")


class Goodbye(Exchange):
    """The end of a conversation: we send no more; the server should end its side, and say nothing."""

    __slots__ = ()

    def __init__(self, conn: socket.socket) -> None:
        """Tell the server that no more will come."""
        super().__init__(b"")
        try:
            conn.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._broken = error

    def silent(self, timeout: float) -> ServerFailedError:
        """Return what to say of a server that did not close within `timeout` seconds."""
        if self._odd:
            return self._misfit()
        what = f"answered, but keeps the connection open: no end within {timeout:g} s of ours"
        return ServerFailedError("never closed", what)

    def _whole(self) -> bool:
        return False  # only the end is

    def _ended(self) -> bool:
        return not (self._odd or self._broken) or super()._ended()
