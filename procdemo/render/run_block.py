"""A finished run as a block of lines: its title, its lanes on an axis of a given length, its answer."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from procdemo.demo.events import Event
from procdemo.demo.story import Story
from procdemo.demo.text import printable
from procdemo.render.role_colours import RoleColours
from procdemo.render.screen_lanes import ScreenLanes
from procdemo.render.sentences import verdict


class RunBlock:
    """Draws runs of one demo."""

    def __init__(self, story: Story, *, plain: bool, helpers: bool) -> None:
        """Draw runs that tell `story`, in ASCII if `plain`; `helpers` is for `timeline.lanes`."""
        self._story = story
        self._lanes = ScreenLanes(story.lanes, story.threads, RoleColours(), plain=plain, helpers=helpers)

    def lines(
        self, title: str, events: Sequence[Event], axis_ns: int, width: int, *, quiet: bool
    ) -> Iterator[Text]:
        """Yield the lines of a run.

        Args:
            title: what stands above.
            events: of the run; the last is its summary.
            axis_ns: nanoseconds from the left end of the lanes to the right.
            width: of the lanes, in cells.
            quiet: no lanes.
        """
        yield Text(printable(title), style="bold")
        for event in events:
            self._lanes(event)
        if not quiet:
            yield from self._lanes.lines(events[0].time_ns + axis_ns, width)
        counts, last = verdict(events[-1], self._story.sentences)
        if counts:
            yield Text(counts)
        yield Text(last, style="bold")
        yield Text()
