"""What the screen shows of a watched program: the X-ray when it hangs; at its end the lanes and the answer.

Rich is imported when there is something to draw, and not before: the program runs meanwhile.
"""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from procdemo.demo.events import META, SUMMARY, Event, Kind
from procdemo.demo.text import printable

if TYPE_CHECKING:
    from rich.console import Console as Terminal

    from procdemo.render.live_view import LiveView
    from procdemo.render.screen_lanes import ScreenLanes

_PIPE_LANES = 120  # width of the lanes in a pipe, in cells
_REMEMBERED = 20_000  # events: a program may run for months
_NAMED = 5  # of the orphans, zombies and names that are left


class AllFamilies(Collection[str]):
    """All roles there are: each thread of each process has a lane."""

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True


class WatchScreen:
    """Draws on stderr while and after the program runs; on stdout when a record is replayed."""

    def __init__(
        self,
        *,
        stderr: bool,
        colour: bool | None = None,
        plain: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        live: bool = False,
        screen: "Terminal | None" = None,
    ) -> None:
        """Prepare; nothing is imported yet.

        Args:
            stderr: where to draw.
            colour: True always, False never, None as the terminal and the environment say.
            plain: ASCII only; no colour.
            quiet: only the answers; none if the program has ended by itself, and leaves nothing.
            verbose: lanes for the helpers of multiprocessing, too.
            live: lanes while the program runs, below what it writes.
            screen: draw here instead.
        """
        self._stderr = stderr
        self._colour = False if plain else colour
        self._plain, self._quiet, self._verbose = plain, quiet, verbose
        self._given = screen
        self._events: list[Event] = []
        self._picture: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []
        self._screen: _Screen | None = None
        if live:
            self._drawing().begin_live(self._lanes())

    def __call__(self, event: Event) -> None:  # noqa: C901 - a table
        """Take one event."""
        match event.kind, event.name:
            case (Kind.STATE, _) | (Kind.MARK, "meta"):
                if len(self._events) < _REMEMBERED:
                    self._events.append(event)
                if self._screen and event.name != META:
                    self._screen.note(event)
            case Kind.MARK, "output":
                self._drawing().output(event.data["stream"], event.data["text"])
            case Kind.MARK, "pauses":
                self._drawing().end_live()
            case Kind.MARK, "reads-terminal":
                self._drawing().end_live()
                self._drawing().line(
                    "procdemo watch: no lanes any more, because the program reads the terminal"
                )
            case Kind.MARK, "xray":
                self._picture, self._rows = event.data, []
            case Kind.RESULT, "thread":
                self._rows.append(event.data)
            case Kind.MARK, "circle":
                self._drawing().picture(self._picture, self._rows, quiet=self._quiet)
            case Kind.MARK, "goes-on":
                self._drawing().line("procdemo watch: it goes on")
            case Kind.MARK, "blind":
                self._drawing().line(f"procdemo watch: cannot look any more: {event.data.get('text', '')}")
            case Kind.RESULT, name if name == SUMMARY:
                self._end(event)

    def flush(self) -> None:
        """Draw the lanes, if they are live."""
        if self._screen:
            self._screen.refresh()

    def close(self) -> None:
        """Remove what moves."""
        if self._screen:
            self._screen.end_live()

    def _drawing(self) -> "_Screen":
        if self._screen is None:
            self._screen = _Screen(self._given, self._colour, stderr=self._stderr)
        return self._screen

    def _end(self, event: Event) -> None:
        data = event.data
        if self._screen:
            self._screen.end_live()
        if self._quiet:
            left = list(_left(data))
            if left or data.get("verdict") != "ended":
                self._drawing().answer(data, left)
            return
        lanes = self._lanes()
        for each in self._events:
            if each.name != META:
                lanes(each)
        drawing = self._drawing()
        shown = drawing.lanes(lanes, event.time_ns)
        drawing.answer(data, list(_left(data, shown)))

    def _lanes(self) -> "ScreenLanes":
        from procdemo.render.role_colours import RoleColours  # noqa: PLC0415 - with Rich
        from procdemo.render.screen_lanes import ScreenLanes  # noqa: PLC0415

        return ScreenLanes({}, AllFamilies(), RoleColours(), plain=self._plain, helpers=self._verbose)


def _left(data: Mapping[str, Any], shown: str = "") -> Iterator[str]:
    """Yield a sentence for each kind of thing that the program has left; not of zombies that were shown."""
    found = {key: data[key] for key in ("orphans", "zombies", "names") if isinstance(data.get(key), list)}
    zombies = [f"PID {pid}" for pid in found.get("zombies", []) if f"(PID {pid})" not in shown]
    told = {
        "still running": [f"{each['program']} (PID {each['pid']})" for each in found.get("orphans", [])],
        "ended, but its parent never waited for it": zombies,
        "left in /dev/shm": [f"{each['name']} (of PID {each['pid']})" for each in found.get("names", [])],
    }
    for what, names in told.items():
        if names:
            more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
            yield f"{what}: {', '.join(names[:_NAMED])}{more}"


class _Screen:
    """What is drawn, with Rich."""

    def __init__(self, screen: "Terminal | None", colour: bool | None, *, stderr: bool) -> None:
        from procdemo.render.terminal import terminal  # noqa: PLC0415 - it imports Rich
        from procdemo.render.xray_screen import XrayScreen  # noqa: PLC0415

        self._terminal = screen or terminal(colour, stderr=stderr)
        self._xray = XrayScreen(colour=colour, screen=self._terminal)
        self._live: LiveView | None = None
        self.live_lanes: ScreenLanes | None = None
        self._partly = {1: b"", 2: b""}

    def begin_live(self, lanes: "ScreenLanes") -> None:
        from procdemo.render.live_view import LiveView, can_animate  # noqa: PLC0415 - with Rich

        if can_animate(self._terminal):
            self.live_lanes, self._live = lanes, LiveView(self._terminal, lanes)

    def note(self, event: Event) -> None:
        if self._live and self.live_lanes:
            self.live_lanes(event)
            self._live.note(event.time_ns)

    def refresh(self) -> None:
        if self._live:
            self._live.refresh()

    def end_live(self) -> None:
        if self._live:
            self._live.stop()
        self._live = self.live_lanes = None
        for stream, rest in self._partly.items():
            self._partly[stream] = b""
            _write(stream, rest)

    def output(self, stream: int, text: bytes) -> None:
        """Write what the program has written: whole lines above what moves."""
        if not self._live:
            _write(stream, text)
            return
        from rich.text import Text  # noqa: PLC0415

        *lines, self._partly[stream] = (self._partly[stream] + text).split(b"\n")
        for line in lines:
            self._terminal.print(Text.from_ansi(line.decode("utf-8", "backslashreplace")), soft_wrap=True)

    def line(self, text: str) -> None:
        self._xray.heading(text)
        self._flush()

    def picture(self, told: Mapping[str, Any], rows: list[dict[str, Any]], *, quiet: bool) -> None:
        self._xray.heading(f"procdemo watch: {told.get('why', '')} (after {told.get('at', '')})")
        if not quiet:
            self._xray.processes(rows)
            self._xray.circle([str(line) for line in told.get("lines", [])])
        self._xray.answer(str(told.get("verdict", "")), str(told.get("answer", "")))
        if hint := told.get("hint"):
            self._xray.heading("no lines of Python, because py-spy is not installed")
            self._xray.heading(f"try: {printable(hint)}")
        self._flush()

    def lanes(self, lanes: "ScreenLanes", end_ns: int) -> str:
        """Draw the lanes; return them as text."""
        width = self._terminal.width if self._terminal.is_terminal else min(self._terminal.width, _PIPE_LANES)
        lines = lanes.lines(end_ns, width)
        for line in ["", *lines, ""] if lines else []:
            self._terminal.print(line)
        return "\n".join(line.plain for line in lines)

    def answer(self, told: Mapping[str, Any], left: list[str]) -> None:
        for sentence in left:
            self._xray.heading(printable(sentence))
        self._xray.answer(str(told.get("verdict", "")), str(told.get("answer", "")))
        self._flush()

    def _flush(self) -> None:
        self._terminal.file.flush()
        sys.stderr.flush()


def _write(stream: int, text: bytes) -> None:
    while text:
        text = text[os.write(stream, text) :]
