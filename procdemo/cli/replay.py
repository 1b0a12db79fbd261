"""A recorded run, shown again."""

import gc
import shlex
import sys
from typing import BinaryIO

from procdemo.catalog import find
from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_code_of_run import ExitCodeOfRun
from procdemo.cli.exit_codes import FAILED
from procdemo.cli.renderers import make_renderer, make_watch_renderer
from procdemo.demo.contract import DemoModule, load
from procdemo.demo.event_log import DamagedLogError, paced, read
from procdemo.demo.events import GOES_ON, OBSERVER, PAUSED, Event
from procdemo.demo.text import printable
from procdemo.render.renderer import Renderer


def replay_log(file: BinaryIO, view: ViewOptions, pace: float | None = None) -> int:
    """Draw a recorded run, on the screen or into files; return the exit status it had.

    Args:
        file: the log.
        view: how it is shown.
        pace: how many times as fast as it happened; None for at once.
    """
    exit_code = ExitCodeOfRun()
    renderer: Renderer | None = None
    gc.disable()  # events have no cycles; to look for some among so many takes a quarter of the time
    try:
        for event in paced(read(file), pace):
            if event.name in {PAUSED, GOES_ON} and event.role == OBSERVER:  # that was for the screen of then
                continue
            renderer = renderer or _renderer(event, view)
            exit_code.note(event)
            renderer(event)
    except DamagedLogError as error:
        name = printable(file.name)
        hint = error.hint.replace("{file}", shlex.quote(name) if file.name != sys.stdin.name else "FILE")
        sys.stderr.write(f"error: {name}: {error}\ntry: {hint}\n")
        return FAILED
    finally:
        if renderer:
            renderer.close()
        gc.enable()
    return exit_code.choose()


def _renderer(meta: Event, view: ViewOptions) -> Renderer:
    if meta.data["command"] == "watch":
        return make_watch_renderer(view, stderr=False)
    return make_renderer(_module_of(meta), view)


def _module_of(meta: Event) -> DemoModule:
    """Return the module of the demo that was recorded."""
    name = meta.data["command"]
    demo = find(name)
    if demo is None:
        raise DamagedLogError(f"line 1: no demo called '{printable(name, 40)}'")
    return load(demo.module)
