"""The tour: it asks, runs a command, and says what was to be seen. The steps are data of `procdemo.tour`."""

import contextlib
import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from procdemo import __version__
from procdemo.catalog import find
from procdemo.cli.common_options import ViewOptions, in_two_columns
from procdemo.cli.exit_codes import DONE, FAILED, INTERRUPTED
from procdemo.cli.own_command import call, record
from procdemo.demo.events import LISTENING, META, SUMMARY, Kind, own_event
from procdemo.demo.settings import CannotRunError
from procdemo.render.jsonl import SCHEMA, JsonLines
from procdemo.tour.step import Step, script_path, steps

_KEYS = "space: next   b: back   r: run it again   c: code   q: leave"


def list_steps(view: ViewOptions) -> int:
    """List the steps with their commands; return the exit status."""
    for step in steps():
        row = {"number": step.number, "title": step.title, "command": _typed(step)}
        line = in_two_columns(f"{step.number:>2}  {step.title}", _typed(step), 39)
        click.echo(json.dumps(row) if view.json else line)
    return DONE


def give_tour(chosen: Sequence[Step], view: ViewOptions, *, auto: bool) -> int:
    """Go through some steps; return the exit status: 0, also if each guess was wrong.

    Args:
        chosen: the steps, in order.
        view: how their commands are shown.
        auto: without a pause and without a question; so it is without a terminal, too.
    """
    asks = not (auto or view.json) and sys.stdin.isatty() and sys.stdout.isatty()
    return _Tour(view).ask(chosen) if asks else _Tour(view).play_all(chosen)


class _Tour:
    """Plays steps."""

    def __init__(self, view: ViewOptions) -> None:
        self._view = view
        self._writer = JsonLines(sys.stdout) if view.json else None
        self._guessed: dict[int, bool] = {}

    def play_all(self, chosen: Sequence[Step]) -> int:
        """Play the steps without a question."""
        self._write(Kind.MARK, META, schema=SCHEMA, command="tour", version=__version__)
        failed = []
        for step in chosen:
            if not self._writer:
                click.echo(f"\n{_heading(step)}\n{_wrapped(step.question)}\n")
            status, saw = self._run(step)
            if status == INTERRUPTED:
                return status
            if status not in step.status:
                failed.append(step.number)
            row = {"number": step.number, "title": step.title, "status": status, "saw": saw}
            self._write(Kind.RESULT, "step", **row)
            if not self._writer:
                click.echo(_wrapped(f"\nWhat you saw: {saw}\n\nType it yourself: {_typed(step)}"))
        self._write(Kind.RESULT, SUMMARY, ok=not failed, steps=len(chosen), failed=failed)
        return FAILED if failed else DONE

    def ask(self, chosen: Sequence[Step]) -> int:
        """Go through the steps with a person."""
        place = 0
        while 0 <= place < len(chosen):
            step = chosen[place]
            if not self._predict(step):
                break
            key = "r"
            while key == "r":
                status, saw = self._run(step)
                if status == INTERRUPTED:
                    return status
                key = self._afterwards(step, saw)
            if key == "q":
                break
            place += -1 if key == "b" and place else key != "b"
        if self._guessed:
            click.echo(f"You were right in {sum(self._guessed.values())} of {len(self._guessed)} questions.")
        return DONE

    def _predict(self, step: Step) -> bool:
        """Ask the question; return whether to go on."""
        click.clear()
        click.echo(f"{_heading(step)}\n\n{_wrapped(step.question)}\n")
        for number, choice in enumerate(step.choices, start=1):
            click.echo(f"  {number}  {choice}")
        click.echo(f"\nYour guess: 1 to {len(step.choices)}   space: no guess   q: leave")
        while True:
            key = click.getchar()
            if key in {"q", "\x04"}:
                return False
            if key in {" ", "\r", "\n"}:
                break
            if key.isdecimal() and 1 <= int(key) <= len(step.choices):
                if step.answer:
                    self._guessed[step.number] = int(key) == step.answer
                break
        click.clear()
        return True

    def _afterwards(self, step: Step, saw: str) -> str:
        """Say what was to be seen; return the key that was pressed then."""
        click.echo("space: what you saw", nl=False)  # with a run of 22 lines, the first one stays there
        _key({" ", "\r", "\n", "q"})
        click.clear()
        click.echo(f"{_heading(step)}\n\n{_wrapped(step.question)}")
        if step.answer:
            click.echo(_wrapped(f"\nAnswer: {step.choices[step.answer - 1]}{self._verdict(step)}"))
        click.echo(_wrapped(f"\n{saw}\n\nType it yourself: {_typed(step)}\n\n{_KEYS}"))
        while (key := _key({" ", "\r", "\n", "b", "r", "c", "q"})) == "c":
            self._show_code(step)
            click.echo(f"\n{_KEYS}")
        return key

    def _verdict(self, step: Step) -> str:
        if step.number not in self._guessed:
            return ""
        return "   (you were right)" if self._guessed[step.number] else "   (you guessed otherwise)"

    def _show_code(self, step: Step) -> None:
        if step.script:
            click.echo(Path(script_path(step.script)).read_text("utf-8"))
        elif step.command[0] == "lab":
            call(["lab", *step.command[1:], "--code"], self._view)
        elif find(step.command[0]):
            call(["source", step.command[0]], self._view)

    def _run(self, step: Step) -> tuple[int, str]:
        """Run the command of a step; return its exit status, and what was to be seen."""
        with _server(step) as port:
            words = [word.format(port=port, script=script_path(step.script)) for word in step.command]
            if step.command[0] == "list":
                return call(words, self._view), step.seen([])
            status, events = record(words, self._view)
            return status, step.seen(events)

    def _write(self, kind: Kind, name: str, **data: Any) -> None:
        if self._writer:
            self._writer(own_event(kind, name, data, "tour"))


@contextlib.contextmanager
def _server(step: Step) -> Iterator[int]:
    """Run the server that a step needs; yield its port, or 0 if it needs none."""
    if not step.server:
        yield 0
        return
    command = [sys.executable, "-m", "procdemo", *step.server, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield _port(process)
        finally:
            process.terminate()
            if process.stdout:
                process.stdout.read()  # it ends when all its events are written


def _port(process: "subprocess.Popen[bytes]") -> int:
    for line in process.stdout or ():
        event = json.loads(line)
        if event["name"] == LISTENING:
            return int(event["data"]["port"])
    raise CannotRunError("the server of this step has not started", "procdemo echo-server --port 0", FAILED)


def _heading(step: Step) -> str:
    return f"Step {step.number} of {len(steps())}: {step.title}"


def _wrapped(text: str) -> str:
    """Return paragraphs with lines that break between words."""
    width = shutil.get_terminal_size().columns
    return "\n\n".join(textwrap.fill(each, width, replace_whitespace=False) for each in text.split("\n\n"))


def _key(allowed: set[str]) -> str:
    while True:
        key = click.getchar()
        if key in allowed:
            return " " if key in {"\r", "\n"} else key


def _typed(step: Step) -> str:
    words = [word.format(port="8080", script="your_script.py") for word in step.command]
    return " ".join(["procdemo", *words])
