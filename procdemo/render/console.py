"""The screen: a line for each thing that happens, tables at the end, colour by role.

On a terminal it draws at most 20 times a second and leaves out what nobody could read; in a
pipe every line is written, without one control byte.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console as Terminal
from rich.text import Text

from procdemo.demo.events import (
    ANSWER,
    ERROR,
    EXITED,
    LISTENING,
    META,
    OBSERVER,
    STDERR,
    SUMMARY,
    Event,
    Kind,
)
from procdemo.demo.states import Activity
from procdemo.demo.text import LIMIT, printable
from procdemo.process.exit_status import sentence_of_exit
from procdemo.render.lane_view import LaneView
from procdemo.render.live_view import LiveView, moves
from procdemo.render.tables import table
from procdemo.render.terminal import broken, pipe_width, terminal, wrapped
from procdemo.render.timeline import family

_FRAME_S = 0.05
_LINES_PER_FRAME = 40
_LINES_UNSEEN = 60  # on a screen that nobody sees, in all: it becomes a picture
_FAMILY_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")
_PIPE_LANES = 120  # cells of the lanes in a pipe
_CELL_LIMIT = 200  # characters of one value in a line


class _Words(dict[str, Any]):
    """The data of an event, made printable as a sentence asks for them."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.data, role=event.role, pid=event.pid)

    def __getitem__(self, key: str) -> Any:
        value = super().get(key, "-")
        return value if isinstance(value, int | float) else printable(value, _CELL_LIMIT)


class Console:
    """Draws events as the sentences of a story; what has no sentence stays untold."""

    def __init__(
        self,
        story: Mapping[str, str],
        *,
        states: Mapping[str, Activity] | None = None,
        colour: bool | None = None,
        quiet: bool = False,
        everything: bool = False,
        plain: bool = False,
        live: bool = False,
        screen: Terminal | None = None,
    ) -> None:
        """Draw on stdout, and talk (errors, progress) on stderr.

        Args:
            story: event name to sentence, in the syntax of `str.format`, of the event's data.
            states: what processes do in which bar, or outside all, for the lanes at the end.
            colour: True always, False never, None as the terminal and the environment say.
            quiet: only the results and the line that says where a server listens.
            everything: also events without a sentence, as they are.
            plain: nothing but ASCII, apart from what the data are; no colour, nothing that moves.
            live: show the lanes while the demo runs, too, if stdout is a terminal that can.
            screen: draw here instead of on stdout, when all is over: the beginning and the end of it.
        """
        self._out = screen or terminal(colour=False if plain else colour)
        self._err = terminal(colour=False if plain else colour, stderr=True)
        self._plain = plain
        self._watched = self._out.file.isatty()
        self._story = story
        self._panorama = LaneView(states or {}, self._colour, plain=plain)
        self._quiet = quiet
        self._conversing = False
        self._everything = everything
        self._start_ns = 0
        self._unseen = screen is not None
        self._lines: list[Text | Event] = []
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._colours: dict[str, str] = {}
        self._drawn = 0.0
        foot = self._out if self._watched else self._err
        still = quiet or plain or screen is not None or not moves(foot)
        lanes = self._panorama if live and self._watched else None
        self._motion = None if still else LiveView(foot, lanes)

    def __call__(self, event: Event) -> None:
        """Take one event; it is on the screen after the next `flush` at the latest."""
        self._start_ns = self._start_ns or event.time_ns
        self._panorama(event)
        if self._motion:
            self._motion.note(event.time_ns)
        self._take(event)
        if time.monotonic() - self._drawn > _FRAME_S:
            self.flush()

    def _take(self, event: Event) -> None:
        match event.kind, event.name:
            case Kind.MARK, name if name == META:
                self._header(event)
            case Kind.MARK, name if name == ERROR:
                self._complain(event)
            case Kind.MARK, name if name == STDERR:
                self.flush()
                self._err.print(Text(f"PID {event.pid} says: {printable(event.data.get('text', ''))}"))
            case Kind.MARK, name if name == LISTENING:
                self._lines.append(Text(_say("listening {host} {port}", event)))
            case Kind.MARK, name if name == ANSWER:
                self._answer(event)
            case Kind.RESULT, name if name == SUMMARY:
                self._sum_up(event)
            case Kind.RESULT, _:
                self._tables.setdefault(event.name, []).append(event.data)
            case Kind.COUNT, _ if "total" in event.data:
                if self._motion:
                    self._motion.advance(event)
            case _:
                self._tell(event)

    def flush(self) -> None:
        """Bring the screen up to date."""
        self._drawn = time.monotonic()
        if not self._unseen:
            self._draw_lines(_LINES_PER_FRAME if self._watched else sys.maxsize, "too fast to read")
        if self._motion:
            self._motion.refresh()

    def _draw_lines(self, most: int, why: str) -> None:
        lines, self._lines = self._lines, []
        if len(lines) > most:
            left_out = len(lines) - most
            lines[most // 2 : -most // 2] = [
                Text(f"... {left_out:,} lines {why}; a pipe or --json has them all ...")
            ]
        if self._out.is_terminal:
            drawn = [line if isinstance(line, Text) else self._told(line) for line in lines]
            if drawn:  # all at once: what moves below is drawn anew after each print
                self._out.print(Text("\n").join(drawn))
        elif lines:
            width = pipe_width()
            for line in lines:
                texts = [line] if isinstance(line, Text) else map(Text, self._rows(line)[1])
                rows = [row for text in texts for row in broken(text, width, self._out)]
                self._out.file.write("".join(f"{row}\n" for row in rows))
            self._out.file.flush()

    def close(self) -> None:
        """Draw what is left and give the terminal back."""
        if self._motion:
            self._motion.stop()
        self._motion = None
        self._draw_lines(_LINES_UNSEEN if self._unseen else sys.maxsize, "left out")

    def _header(self, event: Event) -> None:
        # A command that nobody watches from outside talks with a person: only what it is told or
        # measures is a result, the rest goes to stderr.
        self._conversing = event.pid == event.data.get(OBSERVER)
        if self._quiet or self._conversing:
            return
        lines = [
            "{command} - {summary}",
            "python {python}, start method {start_method}, {cpus} usable CPUs",
            "main process {pid}, watched from outside by {observer}",
        ]
        self._lines.append(Text(_say(lines[0], event), style="bold"))
        self._lines.extend(Text(_say(line, event)) for line in lines[1:])
        chosen = {key: value for key, value in event.data.get("chosen", {}).items() if key != "verbose"}
        if chosen:
            told = ", ".join(f"{key.replace('_', '-')} {value}" for key, value in chosen.items())
            self._lines.append(Text(printable(f"with {told}")))

    def _tell(self, event: Event) -> None:
        told = _name(event) in self._story or self._everything
        if self._quiet or not told:
            return
        if self._conversing:
            self._err.print(Text(self._sentence(event)))
            return
        self._colour(event.role)  # in the order in which they appear, whether they are drawn or not
        self._lines.append(event)

    def _sentence(self, event: Event) -> str:
        sentence = self._story.get(_name(event))
        if sentence is None:
            return f"({event.kind} {printable(event.name)}) {_facts(event)}"
        return _say(sentence, event)

    def _rows(self, event: Event) -> tuple[int, list[str]]:
        """Return what is told of an event, by whom and when, in rows; and the width of the head."""
        seconds = (event.time_ns - self._start_ns) / 1e9
        head = f"{seconds:7.3f}s {printable(event.role, 20):<11} {event.pid:>6}  "
        first, *rest = wrapped(self._sentence(event), self._width() - len(head), self._out)
        return len(head), [head + first, *(" " * len(head) + row for row in rest)]

    def _told(self, event: Event) -> Text:
        head, rows = self._rows(event)
        text = Text("\n".join(rows))
        text.stylize(self._colour(event.role), 9, head)
        return text

    def _width(self) -> int:
        return self._out.width if self._out.is_terminal else pipe_width()

    def _answer(self, event: Event) -> None:
        """Write an answer as a line of its own, whole unless that would flood a terminal."""
        self.flush()
        limit = LIMIT if self._watched else sys.maxsize
        self._out.file.write(f"{printable(event.data.get('text', ''), limit)}\n")
        self._out.file.flush()
        self._tell(event)

    def _colour(self, role: str) -> str:
        kind = family(role)
        if kind == "main":
            return "bold"
        return self._colours.setdefault(kind, _FAMILY_COLOURS[len(self._colours) % len(_FAMILY_COLOURS)])

    def _complain(self, event: Event) -> None:
        self.close()
        self._err.print(Text(f"error: {printable(event.data.get('message', ''))}", style="bold"))
        if hint := event.data.get("hint"):
            self._err.print(Text(f"try: {printable(hint)}"))

    def _sum_up(self, event: Event) -> None:
        self.close()
        if not (self._quiet or self._conversing):
            width = self._out.width if self._out.is_terminal else min(pipe_width(), _PIPE_LANES)
            lanes = self._panorama.lines(event.time_ns, width)
            for line in ["", *lanes, ""] if lanes else []:
                self._out.print(line)
        for name, rows in self._tables.items():
            self._out.print(table(name, rows, plain=self._plain))
        sentence = self._story.get(SUMMARY)
        verdict = "ok" if event.data.get("ok") else "FAILED"
        told = _facts(event) if sentence is None or "reason" in event.data else _say(sentence, event)
        if not self._conversing:
            self._out.print(Text(f"{verdict}: {told}", style="bold"))
        elif not self._quiet:
            self._err.print(Text(f"{verdict}: {told}"))


def _name(event: Event) -> str:
    """Return the name that a story knows an event by."""
    if event.kind == Kind.MARK:
        return sentence_of_exit(event.data) if event.name == EXITED else event.name
    return f"{event.name}.{event.kind}"


def _say(sentence: str, event: Event) -> str:
    """Return the sentence with the data in it; the bare data if they do not fit into it."""
    try:
        return sentence.format_map(_Words(event))
    except (ValueError, TypeError, OverflowError):
        return _facts(event)


def _facts(event: Event) -> str:
    words = _Words(event)
    return "  ".join(f"{printable(key)} {words[key]}" for key in event.data if key != "ok")
