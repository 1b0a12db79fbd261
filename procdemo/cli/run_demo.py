"""A demo run by the command: its events are read and drawn, signals are answered."""

import dataclasses
import errno
import os
import platform
import signal
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, NamedTuple

from procdemo.catalog import Demo
from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_code_of_run import ExitCodeOfRun
from procdemo.cli.exit_codes import exit_code_of_signal
from procdemo.cli.fault_schedule import FaultSchedule
from procdemo.cli.renderers import make_renderer, make_telling, takes_keys
from procdemo.cli.run_control import RunControl, make_pausing
from procdemo.demo.contract import DemoModule
from procdemo.demo.events import ERROR, META, OBSERVER, SUMMARY, Emitter, Event, Kind, rename_process
from procdemo.demo.settings import CannotRunError, DemoSettings, limit_of_cpus, usable_cpus
from procdemo.render.jsonl import SCHEMA
from procdemo.render.renderer import Renderer
from procdemo.runtime.bootstrap import STOPPING
from procdemo.runtime.fault_injection import Fault, FaultInjector
from procdemo.runtime.own_sampling import OwnSampling
from procdemo.runtime.runner import Runner
from procdemo.runtime.stdin_relay import StdinRelay

_STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_UNREAD_S = 1.0  # at the end: how long a write may wait for a reader that does not read
_SAME_REQUEST_S = 0.1  # no person presses Ctrl-C twice so fast
_HANG_UP_S = 0.1
_TYPING_S = 0.03  # how long a typed line may wait
_COUNTING_S = 1.0  # how long the count of events that had no line of their own may wait


class _StopRequests:
    """Signal handler: the first signal asks the demo to stop (it may drain), the second kills it.

    What follows at once is the same request: `timeout` (coreutils) signals the command, then its whole group;
    `uv run` and other wrappers forward a Ctrl-C that the terminal has sent to the command, too.
    """

    def __init__(self, runner: Runner, patience: float) -> None:
        self._runner = runner
        self._patience = patience
        self._again_at = 0.0
        self.first = 0
        """Number of the first signal; 0 while there was none."""

    def __call__(self, signum: int, _frame: FrameType | None) -> None:
        wait = _UNREAD_S
        if self.first:
            if time.monotonic() < self._again_at:
                return
            self._runner.kill()
        else:
            self.first = signum
            self._again_at = time.monotonic() + _SAME_REQUEST_S
            self._runner.stop()
            wait += self._patience
        signal.setitimer(signal.ITIMER_REAL, wait)

    def give_up(self, _signum: int, _frame: FrameType | None) -> None:
        """Leave a write that waits for a reader that does not read; the rest of the output is lost."""
        self._runner.kill()
        for fd in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
        raise TimeoutError


class Interventions(NamedTuple):
    """What the command does to a demo, besides reading its events."""

    stop_after_s: float = 0.0
    """Seconds after which it is stopped; 0 for never."""
    faults: Sequence[Fault] = ()
    seed: int = 0
    sampled: bool = False
    """Whether the command looks at its processes from outside."""


def run_in_process_group(
    demo: Demo, module: DemoModule, config: DemoSettings, view: ViewOptions, interventions: Interventions
) -> int:
    """Run a demo in a process group of its own, draw its events, and return the exit status."""
    exit_code = ExitCodeOfRun()
    faults: FaultSchedule
    control: RunControl
    renderer: Renderer | None = None
    answers = StdinRelay() if config.step else None

    def when_no_event() -> float:
        return _do_what_is_due(renderer, faults, answers, control) if renderer else 0

    patience = config.stop_patience
    pausing = make_pausing(demo, config)
    runner = Runner(
        module.run,
        _with_faults(config, interventions.faults),
        limit=interventions.stop_after_s or None,
        patience=patience,
        answers=answers,
        when_no_event=when_no_event,
        sample=interventions.sampled,
        pausing=pausing,
    )
    # A request to stop waits until its handler is there.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    with runner:
        requests = _StopRequests(runner, patience)
        for signum in _STOP_SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup, or a background job of a script
                signal.signal(signum, requests)
        signal.signal(signal.SIGALRM, requests.give_up)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # The demo is running by now; what follows does not delay it.
        injector = FaultInjector(interventions.faults, interventions.seed, runner.pid)
        faults = FaultSchedule(injector)
        with runner.while_importing():
            keys = bool(pausing) and not answers and takes_keys(view)
            renderer = make_renderer(module, view._replace(keys=keys))
            telling = make_telling(module, view) if keys else None
        control = RunControl(runner, pausing, renderer, telling, lambda: requests(signal.SIGINT, None))
        try:
            control.begin()
            renderer(_meta(demo, config, runner.pid, runner.started_ns, interventions))
            for event in faults.among(runner):
                exit_code.note(event)
                renderer(exit_code.agreeing(event, signum=requests.first, timed_out=runner.timed_out))
                control.after(event)
            renderer.close()
        except OSError as error:
            if not requests.first and error.errno == errno.EIO:  # the terminal is gone: SIGHUP may follow
                time.sleep(_HANG_UP_S)  # noqa: TID251 - for SIGHUP to arrive and be noted
            if not requests.first:
                raise
        finally:
            control.end()
            signal.setitimer(signal.ITIMER_REAL, 0)
    return exit_code.choose(signum=requests.first, timed_out=runner.timed_out)


def _with_faults(config: DemoSettings, faults: Sequence[Fault]) -> DemoSettings:
    """Return the settings with the earliest time at which one of `faults` can be due."""
    if not faults:
        return config
    first_s = min(fault.seconds for fault in faults)
    return dataclasses.replace(config, faults_from_ns=time.monotonic_ns() + int(first_s * 1e9))


def _do_what_is_due(
    renderer: Renderer, faults: FaultSchedule, answers: StdinRelay | None, control: RunControl
) -> float:
    """Do what is due while no event comes; return after how many seconds something will be due again."""
    for fault in faults.inject_due():
        renderer(fault)
    renderer.flush()
    if answers:
        answers.forward()
    control.look()
    return min(faults.seconds_left(), control.longest_wait, _TYPING_S if answers else _COUNTING_S)


def run_in_command(
    demo: Demo, module: DemoModule, config: DemoSettings, view: ViewOptions, *, sampled: bool
) -> int:
    """Run a demo that starts no process and talks to a person, here in the command itself."""
    renderer = make_renderer(module, view)
    exit_code = ExitCodeOfRun()
    started_ns = time.monotonic_ns()
    sampling = OwnSampling(started_ns, sampled=sampled)

    def write(record: Any) -> None:
        for event in sampling.with_states(Event._make(record)):
            exit_code.note(event)
            renderer(event)
        renderer.flush()

    stopped = 0

    def stop(signum: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = signum
        # Through every `finally`, so that the terminal is given back.
        raise SystemExit(exit_code_of_signal(signum))

    for signum in _STOP_SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, stop)
    rename_process("main")
    emit = Emitter(write)
    try:
        try:
            write(_meta(demo, config, os.getpid(), started_ns, Interventions(sampled=sampled)))
            sampling.start()
            module.run(config, emit)
        except CannotRunError as error:
            emit.mark(ERROR, message=str(error), hint=error.hint, exit_code=error.exit_code)
            emit.result(SUMMARY, ok=False, reason=str(error))
        finally:
            renderer.close()
    except OSError:
        if not stopped:  # otherwise the terminal is gone, and SIGHUP has come because of that
            raise
        return exit_code_of_signal(stopped)
    return exit_code.choose()


def _meta(demo: Demo, config: DemoSettings, pid: int, started_ns: int, interventions: Interventions) -> Event:
    """Return the mark that begins a run: what is run, how, and on which Python."""
    usual = dataclasses.asdict(type(config)())
    settings = dataclasses.asdict(config)
    chosen = {name: settings[name] for name in settings if settings[name] != usual[name]}
    for fault in interventions.faults:
        option = fault.option
        chosen[option] = f"{chosen[option]} {fault}" if option in chosen else str(fault)
    data = {
        "schema": SCHEMA,
        "command": demo.name,
        "summary": demo.summary,
        "python": platform.python_version(),
        "start_method": config.start_method,
        "cpus": usable_cpus(),
        "cpus_limit": limit_of_cpus(),
        OBSERVER: os.getpid(),
        "config": settings,
        "chosen": chosen,
        "seed": interventions.seed,
        "sampled": interventions.sampled,
    }
    return Event(Kind.MARK, META, data, started_ns, pid, pid, "main")
