"""One message to an upper-case server and its answer, and every way a server can fail.

TCP is a stream: one recv() may bring a part of the answer, and more than the answer too. So an
answer is read until it is whole, compared byte for byte, and what comes beyond it is an error.
Nothing here waits or sleeps: the caller decides how to wait, for one connection or for thousands.
"""

import errno
import socket

from procdemo.demo.text import printable

_CHUNK = 65_536  # most bytes asked of one recv()
_QUOTED = 60  # characters of a server's bytes shown in an error
_LINE = 1_000  # bytes of the longest refusal that is read
_REFUSAL = b"procdemo: "  # the beginning of a line in which a server of ours says why it does not answer
RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}
"""Errors that mean: the other side has reset the connection."""

_HINTS = {
    "unknown host": "an address, e.g. --host 127.0.0.1",
    "refused": "procdemo echo-server --port {port}, before this, in another terminal",
    "unreachable": "another --host; is the server's network up?",
    "silent": "a longer --wait; all workers of the server may be busy with clients that stay",
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

    def message_and_hint(self, host: str, port: int) -> tuple[str, str]:
        """Return what happened with the server at this host and port, and what to try."""
        return f"{host} port {port} {self}", _HINTS[self.kind].format(port=port)


class Exchange:
    """One message on its way out, and what was received of its answer.

    Call `receive` when the connection is readable and `send` when it is writable and something is
    `unsent`. Both do one system call on a non-blocking socket.
    """

    __slots__ = ("_broken", "_unexpected", "pieces", "received", "unsent", "wanted")

    def __init__(self, message: bytes, wanted: bytes | None = None) -> None:
        """Prepare to send `message`, and to receive `wanted` (default: the message in upper case)."""
        self.wanted = message.upper() if wanted is None else wanted
        self.unsent = memoryview(message)
        self.received = 0
        """Bytes of the answer that came and were right."""
        self.pieces = 0
        """How many recv() brought something."""
        self._unexpected = b""
        self._broken: OSError | None = None

    def send(self, conn: socket.socket) -> None:
        """Send what the kernel takes now of what is unsent."""
        try:
            self.unsent = self.unsent[conn.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._broken = error  # what the server has sent before can still be received
            self.unsent = self.unsent[:0]

    def receive(self, conn: socket.socket, beyond: int = 0) -> bool:
        """Take in what has come; return whether the answer is whole.

        Args:
            conn: a non-blocking connection.
            beyond: bytes to ask for beyond the answer. A caller that does not receive again before it
                sends the next message must ask for some, to notice that there are some.

        Raises:
            ServerFailedError: it cannot become whole any more.
        """
        missing = 0 if self._unexpected else len(self.wanted) - self.received
        try:
            piece = conn.recv(min(missing + beyond, _CHUNK) or _LINE)
        except BlockingIOError:
            return self._is_whole()
        except OSError as error:
            raise self._lost(error) from None
        return self.take(piece) if piece else self._ended()

    def take(self, piece: bytes) -> bool:
        """Compare a piece of the answer; as `receive`."""
        self.pieces += 1
        if not self._unexpected:
            asked = len(self.wanted) - len(self.unsent)
            expected = self.wanted[self.received : min(self.received + len(piece), asked)]
            if piece == expected:
                self.received += len(piece)
                return self._is_whole()
            pairs = enumerate(zip(piece, expected, strict=False))
            right = next((at for at, (a, b) in pairs if a != b), len(expected))
            self.received += right
            piece = piece[right:]
        self._unexpected += piece
        started = self._unexpected.startswith(_REFUSAL) or _REFUSAL.startswith(self._unexpected)
        if not started or b"\n" in self._unexpected or len(self._unexpected) > _LINE:
            raise self._wrong_bytes()
        return False  # a refusal; read its line to the end

    def too_late(self, timeout: float) -> ServerFailedError:
        """Return the failure of a server that has not answered within `timeout` seconds."""
        if self._unexpected:
            return self._wrong_bytes()
        how = "too slow" if self.received else "silent"
        so_far = f"{self.received} of {len(self.wanted)} bytes"
        return ServerFailedError("silent", f"was {how}: {so_far} of the answer within {timeout:g} s")

    def _is_whole(self) -> bool:
        return self.received == len(self.wanted) and not self._unexpected

    def _ended(self) -> bool:
        if self._unexpected:
            raise self._wrong_bytes()
        if self._broken:
            raise self._lost(self._broken)
        so_far = f"{self.received} of {len(self.wanted)} bytes"
        raise ServerFailedError("closed early", f"closed the connection after {so_far} of the answer")

    def _lost(self, error: OSError) -> ServerFailedError:
        if self._unexpected:
            return self._wrong_bytes()
        so_far = f"after {self.received} of {len(self.wanted)} bytes of the answer"
        if error.errno in RESET:
            return ServerFailedError("reset", f"reset the connection {so_far}")
        return ServerFailedError("unreachable", f"cannot be reached {so_far}: {error.strerror or error}")

    def _wrong_bytes(self) -> ServerFailedError:
        """Return the failure of a server that sent bytes that do not belong to the answer."""
        if self._unexpected.startswith(_REFUSAL):
            line = self._unexpected.removeprefix(_REFUSAL).split(b"\n")[0]
            return ServerFailedError("said no", f"says: {printable(line, 200)}")
        unexpected = printable(self._unexpected, _QUOTED)
        if self.received < len(self.wanted) - len(self.unsent):
            wanted = printable(self.wanted[self.received :], _QUOTED)
            return ServerFailedError(
                "wrong bytes", f"answered '{unexpected}' instead of '{wanted}', from byte {self.received} on"
            )
        return ServerFailedError("extra bytes", f"sent bytes that were not asked for: '{unexpected}'")


class EndOfStream(Exchange):
    """The end of a connection: the client sends no more; the server should end its side, and send nothing."""

    __slots__ = ()

    def __init__(self, conn: socket.socket) -> None:
        """Tell the server that no more will come (shutdown)."""
        super().__init__(b"")
        try:
            conn.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._broken = error

    def too_late(self, timeout: float) -> ServerFailedError:
        """Return the failure of a server that has not closed the connection within `timeout` seconds."""
        if self._unexpected:
            return self._wrong_bytes()
        what = f"answered, but keeps the connection open: no end within {timeout:g} s of ours"
        return ServerFailedError("never closed", what)

    def _is_whole(self) -> bool:
        return False  # only the end of the stream is

    def _ended(self) -> bool:
        return not (self._unexpected or self._broken) or super()._ended()
