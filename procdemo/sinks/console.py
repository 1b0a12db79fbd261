"""The screen: a line for each thing that happens, tables at the end, colour by role.

On a terminal it draws at most 20 times a second and leaves out what nobody could read; in a
pipe every line is written, without one control byte.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from procdemo.events import ANSWER, ERROR, LISTENING, SUMMARY, Event, Kind
from procdemo.lanes import Doing
from procdemo.motion import Motion, moves
from procdemo.panorama import Panorama
from procdemo.terminal import broken, pipe_width, terminal, wrapped
from procdemo.text import LIMIT, printable

_FRAME_S = 0.05
_LINES_PER_FRAME = 40
_FAMILY_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")
_RULE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)  # box.SIMPLE_HEAD in ASCII
_PIPE_LANES = 120  # cells of the lanes in a pipe
_CELL_LIMIT = 200  # characters of one value in a line or a table


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
        states: Mapping[str, Doing] | None = None,
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
            screen: draw here instead of on stdout, and leave nothing out.
        """
        self._out = screen or terminal(colour=False if plain else colour)
        self._err = terminal(colour=False if plain else colour, stderr=True)
        self._plain = plain
        self._watched = self._out.file.isatty()
        self._story = story
        self._panorama = Panorama(states or {}, self._colour, plain=plain)
        self._quiet = quiet
        self._conversing = False
        self._everything = everything
        self._start_ns = 0
        self._lines: list[Text] = []
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._colours: dict[str, str] = {}
        self._drawn = 0.0
        foot = self._out if self._watched else self._err
        still = quiet or plain or screen is not None or not moves(foot)
        lanes = self._panorama if live and self._watched else None
        self._motion = None if still else Motion(foot, lanes)

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
            case Kind.MARK, "meta":
                self._header(event)
            case Kind.MARK, name if name == ERROR:
                self._complain(event)
            case Kind.MARK, "stderr":
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
        lines, self._lines = self._lines, []
        if self._watched and len(lines) > _LINES_PER_FRAME:
            half = _LINES_PER_FRAME // 2
            note = f"... {len(lines) - 2 * half:,} lines too fast to read; a pipe or --json has them all ..."
            lines[half:-half] = [Text(note)]
        if self._out.is_terminal:
            for line in lines:
                self._out.print(line)
        elif lines:
            width = pipe_width()
            self._out.file.write(
                "".join(f"{row}\n" for line in lines for row in broken(line, width, self._out))
            )
            self._out.file.flush()
        if self._motion:
            self._motion.refresh()

    def close(self) -> None:
        """Draw what is left and give the terminal back."""
        if self._motion:
            self._motion.stop()
        self._motion = None
        self.flush()

    def _header(self, event: Event) -> None:
        # A command that nobody watches from outside talks with a person: only what it is told or
        # measures is a result, the rest goes to stderr.
        self._conversing = event.pid == event.data.get("observer")
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
        name = event.name if event.kind == Kind.MARK else f"{event.name}.{event.kind}"
        sentence = self._story.get(name)
        if self._quiet or (sentence is None and not self._everything):
            return
        if sentence is None:
            told = f"({event.kind} {printable(event.name)}) {_facts(event)}"
        else:
            told = _say(sentence, event)
        if self._conversing:
            self._err.print(Text(told))
            return
        role = printable(event.role, 20)
        head = f"{(event.time_ns - self._start_ns) / 1e9:7.3f}s {role:<11} {event.pid:>6}  "
        first, *rest = wrapped(told, self._width() - len(head), self._out)
        line = Text(head + first)
        line.stylize(self._colour(role), 9, len(head))
        self._lines.append(line)
        self._lines.extend(Text(" " * len(head) + row) for row in rest)

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
        family = role.rstrip("0123456789").rstrip("-")
        if family == "main":
            return "bold"
        return self._colours.setdefault(family, _FAMILY_COLOURS[len(self._colours) % len(_FAMILY_COLOURS)])

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
            self._out.print(_table(name, rows, _RULE if self._plain else box.SIMPLE_HEAD))
        sentence = self._story.get(SUMMARY)
        verdict = "ok" if event.data.get("ok") else "FAILED"
        told = _facts(event) if sentence is None or "reason" in event.data else _say(sentence, event)
        if not self._conversing:
            self._out.print(Text(f"{verdict}: {told}", style="bold"))
        elif not self._quiet:
            self._err.print(Text(f"{verdict}: {told}"))


def _say(sentence: str, event: Event) -> str:
    """Return the sentence with the data in it; the bare data if they do not fit into it."""
    try:
        return sentence.format_map(_Words(event))
    except (ValueError, TypeError, OverflowError):
        return _facts(event)


def _facts(event: Event) -> str:
    words = _Words(event)
    return "  ".join(f"{printable(key)} {words[key]}" for key in event.data if key != "ok")


def _table(name: str, rows: list[dict[str, Any]], form: box.Box) -> Table:
    table = Table(title=Text(printable(name)), title_justify="left", box=form, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        number = all(isinstance(row.get(column, 0), int | float) for row in rows)
        table.add_column(
            Text(printable(column.replace("_", " "))), justify="right" if number else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(printable(row.get(column, ""), _CELL_LIMIT)) for column in columns))
    return table
