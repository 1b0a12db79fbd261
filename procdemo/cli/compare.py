"""Two runs on one axis: what ``procdemo compare`` does. Each is a command of its own, one after the other."""

import contextlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import BinaryIO, NamedTuple, cast

import click

from procdemo.catalog import DEMOS, Demo, find
from procdemo.cli.common_options import ViewOptions, hint_for
from procdemo.cli.exit_codes import INTERRUPTED, MISSING, WRONG_USAGE, exit_code_of_signal
from procdemo.demo.contract import load
from procdemo.demo.event_log import DamagedLogError, read
from procdemo.demo.events import ERROR, SUMMARY, Event, Kind
from procdemo.demo.story import Story, compose
from procdemo.demo.text import printable, quoted
from procdemo.render.html import Html
from procdemo.render.jsonl import SCHEMA, JsonLines
from procdemo.render.perfetto import Perfetto
from procdemo.render.renderer import Renderer
from procdemo.render.run_block import RunBlock
from procdemo.render.terminal import can_encode, terminal


class _Run(NamedTuple):
    """One of the two."""

    line: str
    """As it was typed."""
    words: tuple[str, ...]
    demo: Demo


def compare_runs(lines: Sequence[str], view: ViewOptions) -> int:
    """Run two command lines, and draw their lanes on one axis; return the larger exit status.

    Args:
        lines: without ``procdemo``, e.g. ``pool-server --clients 6``; a server gets a free port.
        view: how it is shown.

    Raises:
        click.UsageError: a line is none of a demo, or of a server that would not end.
    """
    runs = [_parsed(line) for line in lines]
    logs: list[list[Event]] = []
    status = 0
    for run in runs:
        events, code = _played(run)
        _report_errors(events)
        if not events or code in {WRONG_USAGE, MISSING, INTERRUPTED}:
            return code
        logs.append(events)
        status = max(status, code)
    stories = [compose(load(run.demo.module)) for run in runs]
    for renderer in _files(stories, view):
        for event in _merged(runs, logs):
            renderer(event)
        renderer.close()
    for output in view.outputs:
        if output.file is not sys.stdout:
            output.file.close()
    if not view.json and not any(output.file is sys.stdout for output in view.outputs):
        _draw(runs, logs, stories, view)
    return status


def _parsed(line: str) -> _Run:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"{quoted(line)} is no command line: {error}.") from error
    words = words[1:] if words[:1] == ["procdemo"] else words
    demo = find(words[0]) if words else None
    if demo is None or not (demo.starts_processes and demo.sampled):
        names = [demo.name for demo in DEMOS if demo.starts_processes]
        hint = hint_for(words[0], names) if words else 'For example: procdemo compare "prodcons" "supervise"'
        raise click.UsageError(f"{quoted(line)} is no command line of a demo. {hint}")
    if demo.limit == 0:  # a server
        if not any(word.startswith("--clients") for word in words):
            raise click.UsageError(f"{quoted(line)} would not end; add --clients, e.g. --clients 3.")
        if not any(word.startswith(("--port", "-p")) for word in words):
            words += ["--port", "0"]
    return _Run(line, tuple(words), demo)


def _played(run: _Run) -> tuple[list[Event], int]:
    """Return the events of the run and its exit status; no events if it did not begin."""
    with _ending(
        subprocess.Popen([sys.executable, "-m", "procdemo", *run.words, "--json"], stdout=subprocess.PIPE)
    ) as process:
        try:
            events = list(read(cast("BinaryIO", process.stdout)))
        except DamagedLogError:
            events = []
        return events, process.wait()


def _report_errors(events: Sequence[Event]) -> None:
    """Write to stderr what a run says of errors, as the run itself would without ``--json``."""
    for event in events:
        if (event.kind, event.name) == (Kind.MARK, ERROR):
            click.echo(f"error: {printable(event.data.get('message', ''))}", err=True)
            if hint := event.data.get("hint"):
                click.echo(f"try: {printable(hint)}", err=True)


@contextlib.contextmanager
def _ending(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """Let the command end, whatever ends this one; a Ctrl-C reaches it by itself, from the terminal."""

    def stop(signum: int, _: FrameType | None) -> None:
        process.send_signal(signum)
        raise SystemExit(exit_code_of_signal(signum))

    earlier = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, stop)
    try:
        with process:
            yield process
    finally:
        for signum, handler in earlier.items():
            signal.signal(signum, handler)


def _draw(
    runs: Sequence[_Run], logs: Sequence[list[Event]], stories: Sequence[Story], view: ViewOptions
) -> None:
    longest_ns = max(log[-1].time_ns - log[0].time_ns for log in logs)
    plain = view.plain or not can_encode(sys.stdout)
    screen = terminal(colour=False if plain else view.colour)
    for run, log, story in zip(runs, logs, stories, strict=True):
        block = RunBlock(story, plain=plain, helpers=view.verbose > 0)
        for line in block.lines(f"procdemo {run.line}", log, longest_ns, screen.width, quiet=view.quiet):
            screen.print(line)


def _files(stories: Sequence[Story], view: ViewOptions) -> Iterator[Renderer]:
    """Yield what writes both runs as one log: JSON Lines, a page, a trace."""
    if view.json:
        yield JsonLines(sys.stdout)
    threads = {f"{number}/{family}" for number, story in enumerate(stories, 1) for family in story.threads}
    lanes = {name: activity for story in stories for name, activity in story.lanes.items()}
    for output in view.outputs:
        if output.form == ".html":
            yield Html(output.file, lanes, threads)
        elif output.form == ".json":
            yield Perfetto(output.file)
        else:
            raise click.UsageError(f"compare draws .html and .json, not {output.form}.")


def _merged(runs: Sequence[_Run], logs: Sequence[list[Event]]) -> Iterator[Event]:
    """Yield both runs as one, side by side: roles such as ``1/main``, and both begin at the same time."""
    first = logs[0][0]
    lines = " | ".join(run.line for run in runs)
    about = {**first.data, "command": "compare", "summary": lines, "schema": SCHEMA}
    yield first._replace(data=about, role="1/main")
    last_ns = first.time_ns
    for number, log in enumerate(logs, start=1):
        shift_ns = first.time_ns - log[0].time_ns
        last_ns = max(last_ns, log[-1].time_ns + shift_ns)
        for event in log[1:-1]:
            yield event._replace(time_ns=event.time_ns + shift_ns, role=f"{number}/{event.role}")
    data = {"ok": all(log[-1].data.get("ok") for log in logs), "runs": [log[-1].data for log in logs]}
    yield Event(Kind.RESULT, SUMMARY, data, last_ns, first.pid, first.pid, "1/main")
