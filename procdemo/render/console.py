"""The screen: a line for each thing that happens, tables at the end, colour by role.

On a terminal it draws at most 20 times a second, and leaves out lines that come too fast to be read. In a
pipe every line is written, without one control byte.
"""

import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

from rich.console import Console as Terminal
from rich.text import Text

from procdemo.demo.events import (
    ANSWER,
    BY_SHELL,
    ERROR,
    GOES_ON,
    INCONCLUSIVE,
    INTERRUPTED,
    LISTENING,
    META,
    OBSERVER,
    PAUSED,
    STDERR,
    SUMMARY,
    THREAD,
    USAGE,
    Event,
    Kind,
)
from procdemo.demo.states import Activity, State
from procdemo.demo.text import LIMIT, printable
from procdemo.render.crowds import Crowds
from procdemo.render.live_view import LiveView, can_animate
from procdemo.render.palette import LOOKS
from procdemo.render.role_colours import RoleColours
from procdemo.render.run_header import details, title
from procdemo.render.screen_lanes import ScreenLanes
from procdemo.render.sentences import filled, name_of, verdict
from procdemo.render.tables import table
from procdemo.render.telling import Telling
from procdemo.render.terminal import broken_into_rows, pipe_width, terminal, wrapped

_GOOD, _UNSURE, _BAD = (LOOKS[state].colour for state in (State.WAITING, State.READY, State.STOPPED))
_COLOUR_OF = {"ok": _GOOD, INCONCLUSIVE: _UNSURE, INTERRUPTED: _UNSURE}  # of the last line; else _BAD
_FRAME_S = 0.05
_LINES_PER_FRAME = 40
_NARROW = 70  # columns: with fewer there is no room for the time and the PID
_LINES_OF_PICTURE = 60  # in all, if the screen becomes a picture
_PIPE_LANES = 120  # width of the lanes in a pipe, in cells
_LISTENING = "listening {host} {port}"  # a contract
_BY_HAND = "in another terminal: procdemo echo-client --port {port}    (Ctrl-C here ends it)"


class Console:
    """Draws events as the sentences of a story; an event without a sentence is not shown."""

    def __init__(
        self,
        story: Mapping[str, str],
        *,
        lanes: tuple[Mapping[str, Activity], Collection[str]] = ({}, ()),
        colour: bool | None = None,
        quiet: bool = False,
        verbose: bool = False,
        everything: bool = False,
        plain: bool = False,
        live: bool = False,
        takes_keys: bool = False,
        screen: Terminal | None = None,
        crowds: Mapping[str, str] | None = None,
        first: Mapping[str, int] | None = None,
        detail_tables: Collection[str] = (),
        bare: Collection[str] = (),
        lines: int = 0,
        present: bool = False,
    ) -> None:
        """Draw on stdout; errors and progress go to stderr.

        Args:
            story: event name to sentence, in the syntax of `str.format`, of the event's data.
            lanes: what `timeline.lanes` needs to know besides the events.
            colour: True always, False never, None as the terminal and the environment say.
            quiet: only the results and the line that says where a server listens.
            verbose: also on which Python and with which settings, helpers of multiprocessing, the table of
                processes, and how to check all this.
            everything: also events without a sentence, with their data.
            plain: ASCII only (the data may have other characters); no colour, nothing that moves.
            live: show the lanes while the demo runs, if stdout is a terminal that can.
            takes_keys: say below these lanes which keys there are.
            screen: draw here instead of on stdout, when the run is over: its first and its last lines.
            crowds: for `Crowds`.
            first: names of events, and how often each is shown for each role; the others always.
            detail_tables: names of tables that are left out.
            bare: names of events that are shown without the time, the role and the PID.
            lines: how many the screen has, if lanes are left out for which it has no room; 0 for no limit.
            present: for the back row: lanes two rows high, the answer in a box, no table; of the sentences
                only the last one, below the lanes that move.
        """
        self._out = screen or terminal(colour=False if plain else colour)
        self._err = terminal(colour=False if plain else colour, stderr=True)
        self._plain = plain
        self._on_terminal = self._out.file.isatty()
        self._story = story
        self._colours = RoleColours()
        self._lanes = ScreenLanes(*lanes, self._colours, plain=plain, helpers=verbose, tall=present)
        self._lanes.room = lines or sys.maxsize
        self._quiet, self._present = quiet, present
        self._in_command = False
        self._is_by_hand = False
        self._failed = ""
        self._verbose = verbose
        self._start_ns = 0
        self._is_picture = screen is not None
        self._crowds = Crowds(crowds or {})
        self._bare = bare
        self._detail_tables = {*detail_tables, *([] if verbose else [USAGE])}
        self._telling = Telling(story, first or {}, everything=everything)
        self._lines: list[Text | Event] = []
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._drawn_at = 0.0
        foot = self._out if self._on_terminal else self._err
        still = quiet or plain or screen is not None or not can_animate(foot)
        moving = self._lanes if live and self._on_terminal else None
        self._live = None if still else LiveView(foot, moving, takes_keys=takes_keys and bool(moving))

    def __call__(self, event: Event) -> None:
        """Take one event; it is on the screen after the next `flush` at the latest."""
        self._lanes(event)
        if event.kind == Kind.STATE:  # for the lanes only
            return
        self._start_ns = self._start_ns or event.time_ns
        if self._live:
            self._live.note(event.time_ns)
        self._take(event)
        if time.monotonic() - self._drawn_at > _FRAME_S:
            self.flush()

    def _take(self, event: Event) -> None:  # noqa: C901 - a table
        match event.kind, event.name:
            case Kind.MARK, name if name == META:
                self._show_header(event)
            case Kind.MARK, name if name == ERROR:
                self._show_error(event)
            case Kind.MARK, name if name == STDERR:
                self.flush()
                self._err.print(Text(f"PID {event.pid} says: {printable(event.data.get('text', ''))}"))
            case Kind.MARK, name if name == LISTENING:
                by_hand = self._on_terminal and self._is_by_hand and not self._quiet
                lines = [_LISTENING, _BY_HAND] if by_hand else [_LISTENING]
                self._lines += [Text(filled(line, event)) for line in lines]
            case Kind.MARK, name if name in {PAUSED, GOES_ON}:
                self._show_pause(event)
            case Kind.MARK, name if name == ANSWER:
                self._show_answer(event)
            case Kind.RESULT, name if name == SUMMARY:
                self._show_summary(event)
            case Kind.RESULT, name if name != THREAD:  # of a picture: the screen has its sentences
                self._tables.setdefault(event.name, []).append(event.data)
            case Kind.COUNT, _ if "total" in event.data:
                if self._live:
                    self._live.advance(event)
            case _:
                self._show_event(event)

    def flush(self) -> None:
        """Draw what has come since the last time."""
        self._drawn_at = time.monotonic()
        self._lines += self._crowds.overdue(self._start_ns)
        if not self._is_picture:
            self._draw_lines(_LINES_PER_FRAME if self._on_terminal else sys.maxsize, "too fast to read")
        if self._live:
            self._live.refresh()

    def _draw_lines(self, most: int, why: str) -> None:
        """Draw the lines that have come, at most `most`; `why` is the reason for leaving out the rest."""
        lines, self._lines = self._lines, []
        if len(lines) > most:
            left_out = len(lines) - most
            lines[most // 2 : -most // 2] = [
                Text(f"... {left_out:,} lines {why}; a pipe or --json has them all ...")
            ]
        if self._out.is_terminal:
            drawn = [line if isinstance(line, Text) else self._styled(line) for line in lines]
            if drawn:  # in one print: after each, what moves below is drawn again
                self._out.print(Text("\n").join(drawn))
            self._lanes.room -= sum(text.plain.count("\n") + 1 for text in drawn)
        elif lines:
            width = pipe_width()
            for line in lines:
                texts = [line] if isinstance(line, Text) else map(Text, self._rows(line)[1])
                rows = [row for text in texts for row in broken_into_rows(text, width, self._out)]
                self._out.file.write("".join(f"{row}\n" for row in rows))
                self._lanes.room -= len(rows)
            self._out.file.flush()

    def close(self) -> None:
        """Draw the rest, and remove what moves."""
        if self._live:
            self._live.stop()
        self._live = None
        self._lines += self._crowds.rest(self._start_ns)
        self._draw_lines(_LINES_OF_PICTURE if self._is_picture else sys.maxsize, "left out")

    def _show_header(self, event: Event) -> None:
        # A demo that runs in the command itself talks with a person. Only answers and measures are
        # results then; all else goes to stderr.
        self._in_command = event.pid == event.data.get(OBSERVER)
        self._is_by_hand = not event.data.get("config", {}).get("clients")
        if self._quiet or self._in_command:
            return
        self._lines.append(Text(title(event), style="bold"))
        self._lines += map(Text, details(event) if self._verbose else ())

    def _show_event(self, event: Event) -> None:
        if self._quiet or not self._telling.tells(event):
            return
        if self._in_command:
            self._err.print(Text(self._telling.sentence(event)))
            return
        if self._present:
            if self._live:
                self._live.say(Text(f"{event.role}: {self._telling.sentence(event)}"))
            return
        self._colours.of(event.role)  # now: colours go by first appearance, even if this line is left out
        self._lines += self._crowds.lines_of(name_of(event), event, self._start_ns)

    def _rows(self, event: Event) -> tuple[int, list[str]]:
        """Return an event as rows of text, and the width of their head: the time, the role and the PID.

        Below `_NARROW` columns the head is the role alone: the lanes have the PIDs.
        """
        width = self._width()
        seconds = (event.time_ns - self._start_ns) / 1e9
        role = f"{printable(event.role, 20):<11} "
        head = role if width < _NARROW else f"{seconds:7.3f}s {role}{event.pid:>6}  "
        if name_of(event) in self._bare:
            head = ""
        first, *rest = wrapped(self._telling.sentence(event), width - len(head), self._out)
        return len(head), [head + first, *(" " * len(head) + row for row in rest)]

    def _styled(self, event: Event) -> Text:
        head, rows = self._rows(event)
        text = Text("\n".join(rows))
        text.stylize(self._colours.of(event.role), 0 if self._width() < _NARROW else 9, head)
        return text

    def _width(self) -> int:
        return self._out.width if self._out.is_terminal else pipe_width()

    def _show_pause(self, event: Event) -> None:
        self.flush()
        if not self._live:
            return
        if event.name == PAUSED:
            self._live.pause(by_shell=event.data.get("by") == BY_SHELL)
        else:
            self._live.go_on()

    def _show_answer(self, event: Event) -> None:
        """Write an answer as a line of its own, whole unless that would flood a terminal."""
        self.flush()
        limit = LIMIT if self._on_terminal else sys.maxsize
        self._out.file.write(f"{printable(event.data.get('text', ''), limit)}\n")
        self._out.file.flush()
        self._show_event(event)

    def _show_error(self, event: Event) -> None:
        self.close()
        self._failed = str(event.data.get("message", ""))
        self._err.print(Text(f"error: {printable(event.data.get('message', ''))}", style="bold"))
        if hint := event.data.get("hint"):
            self._err.print(Text(f"try: {printable(hint)}"))

    def _show_summary(self, event: Event) -> None:
        self.close()
        width = self._out.width if self._out.is_terminal else min(pipe_width(), _PIPE_LANES)
        if not (self._quiet or self._in_command):
            lanes = self._lanes.lines(event.time_ns, width)
            space = [""] if lanes and not self._present else []
            for line in [*space, *lanes, *space]:
                self._out.print(line)
        for name, rows in () if self._present else self._tables.items():
            if name not in self._detail_tables and not (name == USAGE and self._in_command):
                self._out.print(table(name, rows, plain=self._plain))
        counts, last = verdict(event, self._story)
        colour = _COLOUR_OF.get(last.partition(":")[0], _BAD)
        if self._in_command:
            if not (self._quiet or (self._failed and not event.data.get("asked", 1))):
                self._err.print(Text(last))
        elif self._present:
            from procdemo.render.answer_box import answer_box  # noqa: PLC0415 - rarely needed

            self._out.print(answer_box(last, colour, width, plain=self._plain))
        elif not (self._failed and self._failed in last and self._on_terminal):  # the error stands there
            self._out.print(Text(f"{counts}\n" if counts else "").append(last, style=f"bold {colour}"))
