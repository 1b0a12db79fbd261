"""The stage's own process: the demo's main process, from the fork to its ``os._exit``.

What it sets up before the pattern runs holds for every process the pattern starts: the group,
the lifeline, default signals, no way to the terminal.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, NoReturn

from procdemo.demo.events import ERROR, STARTS, Emitter, rename_process
from procdemo.demo.settings import CannotRunError, DemoSettings
from procdemo.process.procfs import born_ns
from procdemo.process.record_pipe import Writer
from procdemo.runtime.parent_death import ParentDeathSwitch, is_uncut
from procdemo.runtime.stdin_relay import StdinRelay

Run = Callable[[Any, Emitter], None]
"""A pattern's main process, told from top to bottom: ``run(config, emit)``."""

STOPPING = {signal.SIGINT, signal.SIGTERM}
"""Signals that ask a demo to end: KeyboardInterrupt in its main process, death in the others."""


def run_child(
    run: Run,
    config: DemoSettings,
    writer: Writer,
    lifeline: ParentDeathSwitch,
    *,
    error_writer: int,
    answers: StdinRelay | None,
    patience: float,
) -> NoReturn:
    """Be the demo's main process; called right after fork(), with `STOPPING` blocked.

    Args:
        run: the pattern.
        config: its settings.
        writer: where its events go.
        lifeline: what ends it when the observer is gone.
        error_writer: a descriptor for whatever its processes write to stderr.
        answers: its stdin, if it asks for something.
        patience: seconds for leaving; then the kernel ends this process.
    """
    status = 1
    kept: list[BaseException] = []  # and with them all that was at work: a Pool's farewell may never end
    try:
        _settle_in(config, error_writer)
        if answers:
            answers.use()
        lifeline.board()
        emit = Emitter(_Wire(writer, lifeline))
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            run(config, emit)
            status = 0
        except KeyboardInterrupt as error:
            kept.append(error)
            emit.mark("stopped")
        except CannotRunError as error:
            kept.append(error)
            message, hint = _cut(str(error), slice(2500)), _cut(error.hint, slice(1000))
            emit.mark(ERROR, message=message, hint=hint, exit_code=error.exit_code)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the observer must hear of it
            kept.append(error)
            text = "".join(traceback.format_exception(error))
            message = _cut(f"{type(error).__name__}: {error}", slice(500))
            emit.mark(ERROR, message=message, traceback=_cut(text, slice(-2500, None)))
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, patience)  # what follows may wait for ever
        for child in multiprocessing.active_children():
            child.kill()
        if status == 0:  # otherwise a Pool would say goodbye with locks that its killed workers held
            atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does before its os._exit
    finally:
        os._exit(status)


def _cut(text: str, part: slice) -> str:
    """Return this part of `text` in bytes: it may quote an argument, and an event has room for 4,094."""
    return text.encode("utf-8", "backslashreplace")[part].decode("utf-8", "ignore")


class _Wire(Writer):
    """What an `Emitter` writes to; takes the lifeline along into spawned processes."""

    def __init__(self, writer: Writer, lifeline: ParentDeathSwitch) -> None:
        super().__init__(writer._fd)  # noqa: SLF001 - the same end under another class
        self._lifeline = lifeline

    def __reduce__(self) -> Any:
        return _arrive, (Writer(self._fd), self._lifeline)


class _FirstWire(_Wire):
    """The same in a process that was started anew: its first event ends the bar `STARTS`."""

    _silent = True

    def __call__(self, record: tuple[Any, ...]) -> None:
        if self._silent:
            self._silent = False
            _, _, _, time_ns, *who = record
            super().__call__(("begin", STARTS, {}, min(born_ns(), time_ns), *who))
            super().__call__(("end", STARTS, {}, time_ns, *who))
        super().__call__(record)


def _arrive(writer: Writer, lifeline: ParentDeathSwitch) -> _Wire:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # a mask survives exec
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _FirstWire(writer, lifeline)


def _settle_in(config: DemoSettings, error_writer: int) -> None:
    """Make this process the leader of the demo: group, signals, standard streams, name."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd, source in ((0, null), (1, null), (2, error_writer)):
        os.dup2(source, fd)
    sys.stdin = None  # or multiprocessing opens the null device anew in each child: 40 page faults
    hush = "ignore:resource_tracker:UserWarning"  # said when it tidies up after a demo that was killed
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), hush)))
    if sys.flags.safe_path or not getattr(sys.modules["__main__"], "__spec__", None):
        # multiprocessing starts `python -c` (popen_spawn_posix.py, forkserver.py), which looks for modules in
        # the current folder first. We did not, unless started by ``python -m``; nor shall they.
        os.environ["PYTHONSAFEPATH"] = "1"
    for signum in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):  # by default they would end a process
        signal.signal(signum, signal.SIG_IGN)
    if config.names_semaphores:
        resource_tracker.ensure_running()  # outside the group: it must outlive us to clean up
    os.setpgid(0, 0)
    _listen_for_stop_requests()
    rename_process("main")


def _listen_for_stop_requests() -> None:
    """Raise KeyboardInterrupt when asked to stop; in this process, and never in one it forks.

    A child must not run its parent's handlers, not even in its first instant: the signals are
    blocked around fork() and let through once the child has set its own. What arrives in
    between is handled by the parent within a hook of fork(), where an exception would be lost. So it
    would in a callback of a weak reference, as imports have them: what is lost there comes again.
    """
    main = os.getpid()
    here = threading.local()
    here.forking = False

    def interrupt(_signum: int, frame: FrameType | None) -> None:
        in_hook = frame is not None and frame.f_code in {block.__code__, restore.__code__}
        if not (here.forking or in_hook or is_uncut(frame)):
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # again, when that is done

    def come_again(lost: Any) -> None:
        if isinstance(lost.exc_value, KeyboardInterrupt) and os.getpid() == main:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
        else:
            sys.__unraisablehook__(lost)

    def block() -> None:
        here.forking = True
        here.mask = set_mask(signal.SIG_BLOCK, stopping)

    def restore() -> None:
        set_mask(signal.SIG_SETMASK, here.mask)
        here.forking = False

    def start_afresh() -> None:
        for signum in handled:
            handle(signum, default)
        set_mask(signal.SIG_UNBLOCK, stopping)

    # Numbers, and the functions beneath those that make enumerations of them: in a forked child every
    # object that is touched is a page copied, and these were seventy.
    beneath: Any = sys.modules.get("_signal", signal)
    handle, set_mask = beneath.signal, beneath.pthread_sigmask
    stopping, default = tuple(map(int, STOPPING)), int(signal.SIG_DFL)
    handled = (*stopping, int(signal.SIGALRM), int(signal.SIGCONT))
    sys.unraisablehook = come_again
    for signum in handled:
        handle(signum, interrupt)
    handle(signal.SIGCONT, lambda *_: None)  # heard, so that it ends a system call: see `Runner.stop`
    os.register_at_fork(before=block, after_in_parent=restore, after_in_child=start_afresh)
