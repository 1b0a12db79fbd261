"""A program of the user, watched by the command: started, looked at, told about on stderr."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_codes import MISSING, TIME_LIMIT, exit_code_of_signal
from procdemo.demo.settings import CannotRunError, usable_cpus
from procdemo.demo.text import printable, quoted, reason_of
from procdemo.process import procfs
from procdemo.runtime.output_relay import OutputRelay
from procdemo.runtime.signal_pipe import SignalPipe
from procdemo.runtime.watched_program import NOT_FOUND, WatchedProgram, WatchOptions, exit_status

if TYPE_CHECKING:
    from procdemo.demo.events import Event
    from procdemo.render.renderer import Renderer

_FINDING = "procdemo watch -- COMMAND [ARGS]  (for what is no Python script)"


class Target(NamedTuple):
    """What is to be watched."""

    command: Sequence[str]
    """What is executed."""
    name: str
    """The script, the module or the program: without arguments, which can hold secrets."""


def target(words: Sequence[str], *, module: str, is_command: bool, python: str) -> Target:
    """Return what is to be watched.

    Args:
        words: a script, or a command, and its arguments.
        module: the module to be run by ``python -m``; empty if it is a script or a command.
        is_command: whether `words` are a command.
        python: which Python is to run it; empty for the usual one.

    Raises:
        CannotRunError: there is no such Python, or no such script; exit status 127.
    """
    if is_command and not module:
        return Target(words, words[0].rpartition("/")[2])
    interpreter = _python(python)
    if module:
        return Target([interpreter, "-m", module, *words], f"-m {module}")
    script = words[0]
    if script != "-" and not Path(script).exists():
        what = f"there is no script {quoted(script)}"
        hint = f"procdemo watch -- {' '.join(map(printable, words))}" if shutil.which(script) else _FINDING
        raise CannotRunError(what, hint, NOT_FOUND)
    return Target([interpreter, *words], script.rpartition("/")[2])


def _python(wanted: str) -> str:
    """Return the Python that runs a script: that of the environment in use, of the PATH, or ours."""
    if wanted:
        if found := shutil.which(wanted):
            return found
        raise CannotRunError(
            f"there is no Python {quoted(wanted)}", "--python with the path of one", NOT_FOUND
        )
    environment = os.environ.get("VIRTUAL_ENV")
    if environment and (found := shutil.which(f"{environment}/bin/python")):
        return found
    return shutil.which("python3") or sys.executable


def watch(what: Target, options: WatchOptions, view: ViewOptions, outputs: Callable[[], ViewOptions]) -> int:
    """Watch a program until it ends; return the exit status.

    Args:
        what: the program.
        options: when it hangs, and what is done then.
        view: how it is shown.
        outputs: opens the files into which it is drawn, and returns `view` with them.

    Raises:
        CannotRunError: it cannot be started (126, 127), or this is not Linux (3).
    """
    if not procfs.LINUX:
        message = "watch reads what the kernel knows of processes from /proc, which only Linux has"
        raise CannotRunError(message, "the same on Linux, or in WSL", MISSING)
    procfs.require("what processes wait for")
    view = outputs()
    live = view.live and sys.stderr.isatty() and not (view.plain or view.quiet or os.environ.get("CI"))
    signals = SignalPipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        output = OutputRelay() if live else None
        program = WatchedProgram(what.command, output)
        signals.listen()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    # The program is running by now; what follows does not delay it.
    from procdemo.cli.renderers import make_watch_renderer
    from procdemo.runtime.watching import Watching

    renderer = _Careful(make_watch_renderer(view, stderr=True, live=live))
    watching = Watching(program, options, signals, renderer.flush, output)
    renderer(_meta(what, program, options))
    for event in watching:
        renderer(event)
    renderer.close()
    if output:
        output.hand_over()
    if watching.killed:
        return TIME_LIMIT
    if program.status is None:
        return exit_code_of_signal(signals.ending)
    return exit_status(program.status)


class _Careful:
    """Gives events to a renderer, until that cannot write any more: the program must not suffer."""

    def __init__(self, renderer: "Renderer") -> None:
        self._renderer: Renderer | None = renderer

    def __call__(self, event: "Event") -> None:
        self._try(lambda renderer: renderer(event))

    def flush(self) -> None:
        self._try(lambda renderer: renderer.flush())

    def close(self) -> None:
        self._try(lambda renderer: renderer.close())

    def _try(self, call: "Callable[[Renderer], None]") -> None:
        if self._renderer:
            try:
                call(self._renderer)
            except OSError as error:
                self._renderer = None
                with suppress(OSError):
                    sys.stderr.write(f"procdemo watch: cannot write any more: {reason_of(error)}\n")


def _meta(what: Target, program: WatchedProgram, options: WatchOptions) -> "Event":
    import platform

    from procdemo.demo.events import META, OBSERVER, Event, Kind
    from procdemo.render.jsonl import SCHEMA

    data = {
        "schema": SCHEMA,
        "command": "watch",
        "summary": what.name,
        "python": platform.python_version(),
        "cpus": usable_cpus(),
        OBSERVER: os.getpid(),
        "config": {"still": options.still_s, "timeout": options.timeout_s},
        "sampled": True,
    }
    return Event(str(Kind.MARK), META, data, program.started_ns, program.pid, program.pid, "main")
