"""The command's own side of a run: read events, draw them, answer signals, choose the exit status."""

import dataclasses
import errno
import gc
import importlib
import os
import platform
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import Any, BinaryIO, NamedTuple

from procdemo.catalog import Demo, find
from procdemo.cli.renderers import COLOURS, Renderer, make_renderer
from procdemo.demo.event_log import DamagedLogError, paced, read
from procdemo.demo.events import ERROR, OBSERVER, SUMMARY, Emitter, Event, Kind, rename_process
from procdemo.demo.settings import CannotRunError, usable_cpus
from procdemo.demo.text import printable
from procdemo.render.jsonl import SCHEMA
from procdemo.runtime.bootstrap import STOPPING
from procdemo.runtime.fault_injection import Fault, FaultInjector
from procdemo.runtime.runner import Runner
from procdemo.runtime.stdin_relay import StdinRelay

_STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_WRONG_USAGE, _TIME_LIMIT = 2, 4
_UNREAD_S = 1.0  # how long, at the end, a reader may not read
_HANG_UP_S = 0.1
_TYPING_S = 0.03  # how long a typed line may wait


class _Outcome:
    """What the exit status is made of."""

    def __init__(self) -> None:
        self.exit_code = 1
        self.error_code = 0

    def note(self, event: Event) -> None:
        if event.kind == Kind.RESULT and event.name == SUMMARY:
            self.exit_code = self.error_code or (0 if event.data.get("ok") else 1)
        elif event.kind == Kind.MARK and event.name == ERROR:
            self.error_code = event.data.get("exit_code", 1)


class _StopRequests:
    """Signals noted by number; the first asks the demo to end, the second makes it."""

    def __init__(self, stage: Runner, patience: float) -> None:
        self._stage = stage
        self._patience = patience
        self.first = 0

    def __call__(self, signum: int, _frame: FrameType | None) -> None:
        wait = _UNREAD_S
        if self.first:
            self._stage.kill()
        else:
            self.first = signum
            self._stage.stop()
            wait += self._patience
        signal.setitimer(signal.ITIMER_REAL, wait)

    def give_up(self, _signum: int, _frame: FrameType | None) -> None:
        """Leave a write that waits for a reader who does not read; what is left unread stays so."""
        self._stage.kill()
        for fd in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
        raise TimeoutError


class RunLimits(NamedTuple):
    """What the command does to a demo, besides watching it."""

    limit: float = 0.0
    """Seconds after which it is stopped; 0 for no limit."""
    faults: Sequence[Fault] = ()
    seed: int = 0


def run_staged(row: Demo, pattern: ModuleType, config: Any, view: dict[str, Any], terms: RunLimits) -> int:
    """Perform a demo on a stage, draw it, strike it if asked to, and return the exit status."""
    outcome = _Outcome()
    blows: FaultInjector
    sink: Renderer | None = None
    answers = StdinRelay() if getattr(config, "step", False) else None

    def idle() -> float:
        return _catch_up(sink, blows, answers) if sink else 0

    patience = getattr(config, "grace", 1.0) + 2.0
    stage = Runner(
        pattern.run, config, limit=terms.limit or None, patience=patience, answers=answers, on_idle=idle
    )
    # A request to stop waits until we know what to do about it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    with stage:
        requests = _StopRequests(stage, patience)
        for signum in _STOP_SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup, or a background job of a script
                signal.signal(signum, requests)
        signal.signal(signal.SIGALRM, requests.give_up)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # The demo is running by now; what follows does not delay it.
        blows = FaultInjector(terms.faults, terms.seed, stage.pid, stage.started_ns)
        sink = make_renderer(pattern, view)
        try:
            sink(_meta(row, config, stage.pid, stage.started_ns, terms))
            _draw(_struck(stage, blows), sink, outcome, view)
        except OSError as error:
            if not requests.first and error.errno == errno.EIO:  # the terminal went: SIGHUP may be on its way
                time.sleep(_HANG_UP_S)  # noqa: TID251 - the signal ends it, or nothing does
            if not requests.first:
                raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    if requests.first == signal.SIGTERM:
        return 0 if outcome.exit_code == 0 else 128 + signal.SIGTERM
    if requests.first:
        return 128 + requests.first
    return _TIME_LIMIT if stage.timed_out else outcome.exit_code


def _catch_up(sink: Renderer, blows: FaultInjector, answers: StdinRelay | None) -> float:
    """Do what is due while no event comes; return after how many seconds something will be again."""
    for blow in blows.inject():
        sink(blow)
    sink.flush()
    if answers:
        answers.forward()
    return min(blows.seconds_left(), _TYPING_S if answers else sys.maxsize)


def _struck(stage: Runner, blows: FaultInjector) -> Iterator[Event]:
    """Yield what the demo reports and, in between, the blows; those that hit nobody as errors."""
    for event in stage:
        blows.note(event)
        if event.name == SUMMARY and event.kind == Kind.RESULT:
            for message, hint in blows.missed():
                data = {"message": message, "hint": hint, "exit_code": _WRONG_USAGE}
                yield Event("mark", ERROR, data, time.monotonic_ns(), os.getpid(), 0, OBSERVER)
        yield event
        yield from blows.inject()


def run_in_command(row: Demo, pattern: ModuleType, config: Any, view: dict[str, Any]) -> int:
    """Run a demo that starts no process and talks to a person, here in the command itself."""
    sink = make_renderer(pattern, view)
    outcome = _Outcome()

    def write(record: Any) -> None:
        event = Event._make(record)
        outcome.note(event)
        sink(event)
        sink.flush()

    stopped = 0

    def stop(signum: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = signum
        raise SystemExit(128 + signum)  # through every `finally`, so that the terminal is given back

    for signum in _STOP_SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, stop)
    rename_process("main")
    emit = Emitter(write)
    try:
        try:
            write(_meta(row, config, os.getpid(), time.monotonic_ns(), RunLimits()))
            pattern.run(config, emit)
        except CannotRunError as error:
            emit.mark(ERROR, message=str(error), hint=error.hint, exit_code=error.exit_code)
            emit.result("summary", ok=False, reason=str(error))
        finally:
            sink.close()
    except OSError:
        if not stopped:  # otherwise the terminal went, and said so by SIGHUP
            raise
        return 128 + stopped
    return outcome.exit_code


def show_again(file: BinaryIO, view: dict[str, Any], pace: float | None = None) -> int:
    """Draw a recorded run, on the screen or into files; return the exit status it had.

    Args:
        file: the log.
        view: how it is shown.
        pace: how many times as fast as it happened; None for at once.
    """
    outcome = _Outcome()
    sink: Renderer | None = None
    gc.disable()  # events have no cycles; to look for some among so many takes a quarter of the time
    try:
        for event in paced(read(file), pace):
            sink = sink or make_renderer(_pattern_of(event), view)
            _draw([event], sink, outcome, view)
    except DamagedLogError as error:
        sys.stderr.write(
            f"error: {printable(file.name)}: {error}\n"
            "try: record it anew, e.g. procdemo spawn --record run.jsonl\n"
        )
        return 1
    finally:
        if sink:
            sink.close()
        gc.enable()
    return outcome.exit_code


def _pattern_of(meta: Event) -> ModuleType:
    """Return the module whose run a log tells."""
    name = meta.data["command"]
    row = find(name)
    if row is None:
        raise DamagedLogError(f"line 1: no demo called {name[:40]!r}")
    return importlib.import_module(row.module)


def show_source(code: str, view: dict[str, Any]) -> None:
    """Print a program, coloured on a terminal."""
    from rich.syntax import Syntax

    from procdemo.render.terminal import terminal

    screen = terminal(COLOURS.get(view["color"]))
    if screen.color_system and not (view["json"] or view["plain"]):
        screen.print(Syntax(code, "python", background_color="default"))
    else:
        sys.stdout.write(code)


def _draw(events: Iterable[Event], sink: Renderer, outcome: _Outcome, view: dict[str, Any]) -> None:
    for event in events:
        outcome.note(event)
        sink(event)
        if view["debug"] and "traceback" in event.data:
            lines = str(event.data["traceback"]).splitlines()
            sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))
    if not isinstance(events, list):
        sink.close()


def _meta(row: Demo, config: Any, pid: int, started_ns: int, terms: RunLimits) -> Event:
    usual = dataclasses.asdict(type(config)())
    settings = dataclasses.asdict(config)
    chosen = {name: settings[name] for name in settings if settings[name] != usual[name]}
    for fault in terms.faults:
        option = fault.how if fault.role else "chaos"
        chosen[option] = f"{chosen[option]} {fault}" if option in chosen else str(fault)
    data = {
        "schema": SCHEMA,
        "command": row.name,
        "summary": row.summary,
        "python": platform.python_version(),
        "start_method": getattr(config, "start_method", None),
        "cpus": usable_cpus(),
        "observer": os.getpid(),
        "config": settings,
        "chosen": chosen,
        "seed": terms.seed,
    }
    return Event("mark", "meta", data, started_ns, pid, pid, "main")
