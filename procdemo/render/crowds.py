"""Events that can come in crowds: so many a second have a line each, the others are counted in one line."""

import time
from collections import deque
from collections.abc import Iterable, Mapping

from rich.text import Text

from procdemo.demo.events import Event

LINES_PER_S = 20
"""How many events of one kind have a line of their own, in any second."""

_SECOND_NS = 1_000_000_000


class _Crowd:
    """Events of one kind."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.shown_ns: deque[int] = deque(maxlen=LINES_PER_S)
        self.left_out = 0
        self.first_ns = self.last_ns = 0  # of those that were left out
        self.since = 0.0  # when the first of them was seen here


class Crowds:
    """Decides which events have a line of their own: all of those that are not expected in crowds."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        """Begin.

        Args:
            sentences: by the name of an event, what is said of ``more`` events that were left out. Events
                with the same sentence are of one kind.
        """
        crowds = {sentence: _Crowd(sentence) for sentence in sentences.values()}
        self._by_name = {name: crowds[sentence] for name, sentence in sentences.items()}
        self._crowds = crowds.values()
        self._latest_ns = 0

    def lines_of(self, name: str, event: Event, start_ns: int) -> list[Event | Text]:
        """Return what is to be shown now: `event` or nothing; before it, how many of its kind were left out.

        Args:
            name: of the sentence of `event`.
            event: what has happened; it stands for many if its data have a ``count``.
            start_ns: when the run began.
        """
        self._latest_ns = max(self._latest_ns, event.time_ns)
        crowd = self._by_name.get(name)
        if crowd is None:
            return [event]
        shown, many = crowd.shown_ns, "count" in event.data
        if not many and (len(shown) < LINES_PER_S or event.time_ns >= shown[0] + _SECOND_NS):
            shown.append(event.time_ns)
            return [*_counted([crowd], start_ns), event]
        if not crowd.left_out:
            crowd.first_ns, crowd.since = event.time_ns, time.monotonic()
        crowd.left_out += event.data["count"] if many else 1
        crowd.last_ns = event.time_ns
        return []

    def overdue(self, start_ns: int) -> list[Text]:
        """Return lines that count the events of the kinds of which one was left out a second ago."""
        now = time.monotonic()
        return _counted(
            (
                crowd
                for crowd in self._crowds
                if self._latest_ns >= crowd.first_ns + _SECOND_NS or now >= crowd.since + _SECOND_NS / 1e9
            ),
            start_ns,
        )

    def rest(self, start_ns: int) -> list[Text]:
        """Return lines that count all events that were left out, and not counted yet."""
        return _counted(self._crowds, start_ns)


def _counted(crowds: Iterable[_Crowd], start_ns: int) -> list[Text]:
    """Return a line for each crowd of which some were left out; from now on they are counted."""
    lines = []
    for crowd in sorted((crowd for crowd in crowds if crowd.left_out), key=lambda crowd: crowd.last_ns):
        words = crowd.sentence.format(more=f"{crowd.left_out:,}")
        lines.append(Text(f"{(crowd.last_ns - start_ns) / 1e9:7.3f}s{'':<21}{words}"))
        crowd.left_out = 0
    return lines
