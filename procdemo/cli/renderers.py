"""What a run is shown as: on the screen, as JSON Lines, and as pictures in files."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import IO, Any, Protocol

from procdemo.cli.output_files import Output
from procdemo.demo.events import Event
from procdemo.demo.story import compose
from procdemo.render.jsonl import JsonLines
from procdemo.runtime import fault_injection

COLOURS = {"always": True, "never": False}
"""What ``--color`` says, None for the rest."""


class Renderer(Protocol):
    """An output form."""

    def __call__(self, event: Event) -> None:
        """Take one event."""

    def flush(self) -> None:
        """Show what was taken."""

    def close(self) -> None:
        """Finish."""


class _Several:
    """The same events in several forms, some of them in files."""

    def __init__(self, sinks: Sequence[Renderer], files: Sequence[IO[str]]) -> None:
        self._sinks = sinks
        self._files = files

    def __call__(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)

    def flush(self) -> None:
        for sink in self._sinks:
            sink.flush()

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()
        for file in self._files:
            file.close()


def make_renderer(pattern: ModuleType, view: dict[str, Any]) -> Renderer:
    """Return what shows a run of `pattern` as the options say."""
    outputs: list[Output] = view.get("outputs", [])
    sinks: list[Renderer] = [_picture(output, pattern, view) for output in outputs]
    if view["json"]:
        sinks.insert(0, JsonLines(sys.stdout))
    elif not any(output.file is sys.stdout for output in outputs):
        sinks.insert(0, _console(pattern, view))
    files = [output.file for output in outputs if output.file is not sys.stdout]
    return _Several(sinks, files) if files or len(sinks) > 1 else sinks[0]


def _console(pattern: ModuleType, view: dict[str, Any], screen: Any = None) -> Renderer:
    from procdemo.render.console import Console

    story = compose(fault_injection, pattern)
    return Console(
        story.sentences | story.details if view["verbose"] else story.sentences,
        states=story.lanes,
        colour=COLOURS.get(view["color"]),
        quiet=view["quiet"] and not screen,
        everything=view["verbose"] > 1,
        plain=view["plain"],
        live=view.get("live", False),
        screen=screen,
    )


def _picture(output: Output, pattern: ModuleType, view: dict[str, Any]) -> Renderer:
    file: IO[str] = output.file
    if output.form == ".jsonl":
        return JsonLines(file)
    if output.form == ".html":
        from procdemo.render.html import Html

        return Html(file, compose(pattern).lanes)
    if output.form == ".json":
        from procdemo.render.perfetto import Perfetto

        return Perfetto(file)
    from procdemo.render.svg import Svg, screen

    terminal = screen()
    return Svg(file, terminal, _console(pattern, view, terminal))
