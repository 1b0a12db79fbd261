"""The renderers of a run: the screen, JSON Lines, and pictures in files."""

import os
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from procdemo.cli.common_options import ViewOptions
from procdemo.cli.output_files import Output
from procdemo.demo.contract import DemoModule
from procdemo.demo.events import Event
from procdemo.demo.story import Story, compose
from procdemo.demo.text import printable
from procdemo.render.jsonl import JsonLines
from procdemo.render.renderer import Renderer
from procdemo.runtime import fault_injection, keyboard, sampling

if TYPE_CHECKING:
    from procdemo.render.telling import Telling


_PRESENTED_LINES = 22


class _Several:
    """Gives the same events to several renderers, and closes their files."""

    def __init__(self, renderers: Sequence[Renderer], files: Sequence[IO[str]]) -> None:
        self._renderers = renderers
        self._files = files

    def __call__(self, event: Event) -> None:
        for renderer in self._renderers:
            renderer(event)

    def flush(self) -> None:
        for renderer in self._renderers:
            renderer.flush()

    def close(self) -> None:
        for renderer in self._renderers:
            renderer.close()
        for file in self._files:
            file.close()


class _Tracebacks:
    """Writes the tracebacks among the events' data to stderr (``--debug``)."""

    def __call__(self, event: Event) -> None:
        if "traceback" in event.data:
            lines = str(event.data["traceback"]).splitlines()
            sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class _WithoutOutput:
    """Gives all events to a renderer, except what a watched program writes: that is for the screen only."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self.flush, self.close = renderer.flush, renderer.close

    def __call__(self, event: Event) -> None:
        if event.name != "output":
            self._renderer(event)


def make_renderer(module: DemoModule, view: ViewOptions) -> Renderer:
    """Return what shows a run of the demo `module` as the options say."""
    renderers = [_picture(output, module, view) for output in view.outputs]
    if view.json:
        renderers.insert(0, JsonLines(sys.stdout))
    elif not any(output.file is sys.stdout for output in view.outputs):
        renderers.insert(0, _console(module, view))
    if view.debug:
        renderers.append(_Tracebacks())
    files = [output.file for output in view.outputs if output.file is not sys.stdout]
    return _Several(renderers, files) if files or len(renderers) > 1 else renderers[0]


def takes_keys(view: ViewOptions) -> bool:
    """Return whether lanes move on a terminal from which keys can be read."""
    if not view.live or view.json or view.plain or view.quiet or not (os.isatty(0) and os.isatty(1)):
        return False
    from procdemo.render.live_view import can_animate
    from procdemo.render.terminal import terminal

    return can_animate(terminal(view.colour))


def make_telling(module: DemoModule, view: ViewOptions) -> "Telling":
    """Return what says which events of the demo `module` are told as sentences on the screen."""
    from procdemo.render.telling import Telling

    return Telling(*_told(compose(fault_injection, sampling, module), view))


def _told(story: Story, view: ViewOptions) -> tuple[dict[str, str], dict[str, int]]:
    """Return the sentences that the screen has, and which of them it has a few times only."""
    return (story.sentences | story.details, {}) if view.verbose else (story.sentences, story.first)


def make_watch_renderer(view: ViewOptions, *, stderr: bool, live: bool = False) -> Renderer:
    """Return what shows a watched program; on stderr if stdout is that of the program.

    With `live` it shows lanes while the program runs, and what the program writes above them.
    """
    from procdemo.render.watch_screen import AllFamilies, WatchScreen

    def screen(terminal: Any = None) -> Renderer:
        return WatchScreen(
            stderr=stderr,
            colour=view.colour,
            plain=view.plain,
            quiet=view.quiet and not terminal,
            verbose=view.verbose > 0,
            live=live and not terminal,
            screen=terminal,
        )

    renderers: list[Renderer] = []
    for output in view.outputs:
        if output.form == ".html":
            from procdemo.render.html import Html

            renderers.append(Html(output.file, {}, AllFamilies(), helpers=view.verbose > 0))
        elif output.form == ".svg":
            from procdemo.render import svg

            terminal = svg.screen()
            renderers.append(svg.Svg(output.file, terminal, screen(terminal)))
        else:
            renderers.append(_plain_file(output))
    renderers = [_WithoutOutput(renderer) for renderer in renderers] if live else renderers
    if view.json:
        renderers.insert(0, JsonLines(sys.stdout))
    elif not any(output.file is sys.stdout for output in view.outputs):
        renderers.insert(0, screen())
    return _Several(renderers, [output.file for output in view.outputs if output.file is not sys.stdout])


def _plain_file(output: Output) -> Renderer:
    """Return what writes a record, or a trace for Perfetto."""
    if output.form == ".jsonl":
        return JsonLines(output.file)
    from procdemo.render.perfetto import Perfetto

    return Perfetto(output.file)


def _console(module: DemoModule, view: ViewOptions, screen: Any = None) -> Renderer:
    from procdemo.render.console import Console
    from procdemo.render.terminal import can_encode

    story = compose(fault_injection, sampling, keyboard, module)
    sentences, first = _told(story, view)
    return Console(
        sentences,
        lanes=(story.lanes, story.threads),
        colour=view.colour,
        quiet=view.quiet and not screen,
        verbose=view.verbose > 0,
        everything=view.verbose > 1,
        plain=view.plain or not (screen or can_encode(sys.stdout)),
        live=view.live,
        takes_keys=view.keys,
        screen=screen,
        crowds=None if view.verbose else story.crowds,
        first=first,
        bare=story.bare,
        detail_tables=() if view.verbose else story.detail_tables,
        lines=0 if view.verbose else _PRESENTED_LINES if view.present else story.lines,
        present=view.present,
    )


def _picture(output: Output, module: DemoModule, view: ViewOptions) -> Renderer:
    file: IO[str] = output.file
    if output.form == ".html":
        from procdemo.render.html import Html

        story = compose(module)
        return Html(file, story.lanes, story.threads, helpers=view.verbose > 0, reasons=story.reasons)
    if output.form != ".svg":
        return _plain_file(output)
    from procdemo.render.svg import Svg, screen

    terminal = screen()
    return Svg(file, terminal, _console(module, view, terminal))
