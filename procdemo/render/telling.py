"""Which events of a run are told on the screen, and in which words."""

from collections import Counter
from collections.abc import Mapping

from procdemo.demo.events import Event
from procdemo.demo.text import printable
from procdemo.render.sentences import facts, filled, name_of


class Telling:
    """Takes the events of a run one by one, and says of each whether it is told."""

    def __init__(
        self, story: Mapping[str, str], first: Mapping[str, int], *, everything: bool = False
    ) -> None:
        """Tell events by the sentences of `story`.

        Args:
            story: event name to sentence.
            first: names of events, and how often each is told for each role; the others always.
            everything: tell also events without a sentence, with their data.
        """
        self._story, self._first, self._everything = story, first, everything
        self._told: Counter[tuple[str, str]] = Counter()

    def tells(self, event: Event) -> bool:
        """Return whether this event, which has just come, is told.

        Only what is limited is counted: a server may run for months, and each handler is a role.
        """
        name = name_of(event)
        if name not in self._first:
            return self._everything or name in self._story
        self._told[name, event.role] += 1
        return (self._everything or name in self._story) and (
            self._told[name, event.role] <= self._first[name]
        )

    def sentence(self, event: Event) -> str:
        """Return the sentence of an event, or its data if it has none."""
        sentence = self._story.get(name_of(event))
        if sentence is None:
            return f"({event.kind} {printable(event.name)}) {facts(event)}"
        return filled(sentence, event)
