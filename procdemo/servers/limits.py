"""The limits of one client: seconds without progress, seconds in all, bytes. All servers keep them here."""

import socket

from procdemo.servers.refusal import send_last_line
from procdemo.servers.settings import ServerSettings


class ClientLimits:
    """How much of its limits one client has used. Times are seconds of `time.monotonic`."""

    __slots__ = ("_ends_at", "_idle", "_max_bytes", "progress_at", "received", "since")

    def __init__(self, settings: ServerSettings, since: float) -> None:
        """Begin at `since`, when the client was accepted."""
        self.since = since
        self.progress_at = since
        """When the client was last answered: for the caller to set."""
        self.received = 0
        """Bytes that came from the client."""
        self._idle = settings.idle_timeout
        self._max_bytes = settings.max_bytes
        self._ends_at = since + settings.total_timeout

    def accept_bytes(self, size: int) -> bool:
        """Count `size` bytes that came; return False if the client has sent more than it may."""
        self.received += size
        return self.received <= self._max_bytes

    def say_too_many_bytes(self, conn: socket.socket) -> str:
        """Tell the client that it has sent too much; return the reason to report."""
        send_last_line(conn, f"more than {self._max_bytes} bytes (--max-bytes)")
        return "more than --max-bytes"

    @property
    def deadline(self) -> float:
        """When the next limit of time is reached, if there is no progress before."""
        return min(self._ends_at, self.progress_at + self._idle)

    def over_time(self, now: float) -> str:
        """Return the reason to report if a limit of time is reached; nothing if none is."""
        if now >= self._ends_at:
            return "over --total-timeout"
        return "over --idle-timeout" if now >= self.progress_at + self._idle else ""
