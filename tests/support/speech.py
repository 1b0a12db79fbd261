"""The output of a command, read as it comes: the bytes of its two streams, the events with ``--json``."""

import json
import os
import selectors
import subprocess

from procdemo.demo.events import Event, Kind


class Speech:
    """All output of a process so far; a wait for more ends when the process ends."""

    def __init__(self, process: subprocess.Popen[bytes], pidfd: int) -> None:
        self.said = {"stdout": bytearray(), "stderr": bytearray()}
        self._parsed = 0
        self._events: list[Event] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(pidfd, selectors.EVENT_READ, "pidfd")
        for name in self.said:
            stream = getattr(process, name)
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream, selectors.EVENT_READ, name)

    def events(self) -> list[Event]:
        """Return the events of the demo so far, without those of the sampler.

        Raises:
            ValueError: a complete line of stdout is not an event.
        """
        said = self.said["stdout"]
        while (stop := said.find(b"\n", self._parsed)) >= 0:
            line, self._parsed = bytes(said[self._parsed : stop]), stop + 1
            try:
                event = Event(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(f"not an event ({error}): {line[:300]!r}") from None
            if event.kind != Kind.STATE:
                self._events.append(event)
        return self._events

    def listen(self, seconds: float) -> None:
        """Read what is there; wait up to `seconds` if there is nothing and the process still runs."""
        for key, _ in self._selector.select(max(seconds, 0)):
            if key.data == "pidfd":
                continue
            data = os.read(key.fd, 1 << 20)
            if data:
                self.said[key.data] += data
            else:
                self._selector.unregister(key.fileobj)

    def listen_to_the_end(self) -> None:
        """Read all that is still there after the process has ended."""
        while any(key.data != "pidfd" for key, _ in self._selector.select(0)):
            self.listen(0)

    def close(self) -> None:
        """Stop reading."""
        self._selector.close()
