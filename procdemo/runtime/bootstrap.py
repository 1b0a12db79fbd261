"""What the demo's main process does around ``run(config, emit)``, from its fork to its ``os._exit``.

What it sets up before the pattern runs holds for every process that the pattern starts: the group,
the mark of the guardian, default signals, no way to the terminal.
"""

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from procdemo.demo.events import ERROR, STARTS, STOPPED, Emitter, rename_process
from procdemo.demo.settings import CannotRunError, DemoSettings
from procdemo.process import inherited
from procdemo.process.guardian import Guardian
from procdemo.process.procfs import born_ns
from procdemo.process.record_pipe import Writer
from procdemo.runtime.stdin_relay import StdinRelay

if TYPE_CHECKING:
    from procdemo.process.demo_clock import DemoClock

Run = Callable[[Any, Emitter], None]
"""A pattern's main process, told from top to bottom: ``run(config, emit)``."""

STOPPING = {signal.SIGINT, signal.SIGTERM}
"""Signals that ask a demo to end: they raise KeyboardInterrupt in its main process, and kill the others."""

_UNCUT = {"multiprocessing.synchronize", "multiprocessing.heap", "multiprocessing.shared_memory"}
"""Modules whose constructors must not be interrupted, because they make a name in /dev/shm: `is_uncut`."""


def run_child(
    run: Run,
    config: DemoSettings,
    writer: Writer,
    guardian: Guardian,
    *,
    error_writer: int,
    answers: StdinRelay | None,
    patience: float,
    clock: "DemoClock | None" = None,
) -> NoReturn:
    """Be the demo's main process; to be called right after fork(), with `STOPPING` blocked.

    Args:
        run: the pattern.
        config: its settings.
        writer: where its events go.
        guardian: the process that ends the demo if the command is killed.
        error_writer: a descriptor for what the processes of the demo write to stderr.
        answers: its stdin, if it asks for something.
        patience: seconds for its own end after `run`; then the kernel ends this process.
        clock: that of all its processes, if the demo can be paused.
    """
    status = 1
    # Keep each exception, and so its frames, alive: if a Pool in them were collected now, it would run its
    # finalizer, which can block for ever.
    kept: list[BaseException] = []
    try:
        emit = Emitter(_SpawnableWriter(writer, clock))
        try:
            try:
                _settle_in(config, error_writer, guardian)
                if clock:
                    clock.use()
                if answers:
                    answers.use()
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
                run(config, emit)
                status = 0
            finally:  # the last event must not be lost because a request to stop comes late, or again
                _handle((*STOPPING, signal.SIGALRM), signal.SIG_IGN)
        except KeyboardInterrupt as error:
            kept.append(error)
            emit.mark(STOPPED)
        except CannotRunError as error:
            kept.append(error)
            emit.mark(ERROR, message=str(error), hint=error.hint, exit_code=error.exit_code)
        except BaseException as error:  # noqa: BLE001 - the command must hear of every exception
            kept.append(error)
            _report(error, emit)
        signal.setitimer(signal.ITIMER_REAL, patience)  # because what follows may wait for ever
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for child in multiprocessing.active_children():
            child.kill()
        if status == 0:  # otherwise a Pool would wait for locks that its killed workers held
            atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does before its os._exit
    except BaseException as error:  # noqa: BLE001 - the last words, if an event could not be written
        status = 1
        kept.append(error)
        os.write(error_writer, f"{type(error).__name__}: {error}\n".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)


def _report(error: BaseException, emit: Emitter) -> None:
    """Report an exception that has ended the demo: what the platform lacks, or else what it was and where."""
    from procdemo.process import shortage  # noqa: PLC0415 - as below; the command has imported it

    if lacks := shortage.named(error):
        emit.mark(ERROR, message=str(lacks), hint=lacks.hint, exit_code=lacks.exit_code)
        return
    text = ""
    with contextlib.suppress(
        ImportError, OSError, MemoryError
    ):  # perhaps there is no descriptor for an import
        import traceback  # noqa: PLC0415 - every process that is started anew imports this module

        text = "".join(traceback.format_exception(error))
    emit.mark(ERROR, message=f"{type(error).__name__}: {error}", traceback=text)


class _SpawnableWriter(Writer):
    """What an `Emitter` writes to; it prepares each process to which it is sent, if that was started anew."""

    def __init__(self, writer: Writer, clock: "DemoClock | None") -> None:
        super().__init__(writer._fd)  # noqa: SLF001 - the same end under another class
        self._clock = clock

    def __reduce__(self) -> Any:
        return _prepare_spawned, (Writer(self._fd), self._clock)


class _FirstWriter(_SpawnableWriter):
    """The same in a process that was started anew: its first event ends the bar `STARTS`."""

    _silent = True

    def __call__(self, record: tuple[Any, ...]) -> None:
        if self._silent:
            self._silent = False
            _, _, _, time_ns, *sender = record
            super().__call__(("begin", STARTS, {}, min(born_ns(), time_ns), *sender))
            super().__call__(("end", STARTS, {}, time_ns, *sender))
        super().__call__(record)


def _prepare_spawned(writer: Writer, clock: "DemoClock | None") -> _FirstWriter:
    """Receive an emitter's writer in a process that was started anew (spawn and forkserver)."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # a mask survives exec
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _FirstWriter(writer, clock.use() if clock else None)


def _settle_in(config: DemoSettings, error_writer: int, guardian: Guardian) -> None:
    """Make this process the leader of the demo: group, guardian, signals, standard streams, name."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd, source in ((0, null), (1, null), (2, error_writer)):
        os.dup2(source, fd)
    os.environ.pop("PYTHONINSPECT", None)  # or a new interpreter would not end with its program's exit status
    sys.stdin = None  # or multiprocessing opens the null device anew in each child: 40 page faults
    hush = "ignore:resource_tracker:UserWarning"  # a warning when it tidies up after a demo that was killed
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), hush)))
    if sys.flags.safe_path or not getattr(sys.modules["__main__"], "__spec__", None):
        # multiprocessing starts `python -c` (popen_spawn_posix.py, forkserver.py), which looks for modules in
        # the current folder first. We did not, unless started by ``python -m``; so they must not, either.
        os.environ["PYTHONSAFEPATH"] = "1"
    # By default these would end a process.
    _handle((signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2), signal.SIG_IGN)
    if config.names_semaphores:  # start what tidies up after us: without the mark, and in no group of ours
        from multiprocessing import resource_tracker  # noqa: PLC0415 - not needed under fork

        with contextlib.suppress(OSError):  # the guardian is gone
            os.setpgid(0, guardian.pid)
        resource_tracker.ensure_running()
    os.setpgid(0, 0)
    guardian.enter()
    inherited.leave_missing_folder(os.environ["TMPDIR"])
    _listen_for_stop_requests()
    rename_process("main")


def _handle(signums: Iterable[int], handler: Any) -> None:
    for signum in signums:
        signal.signal(signum, handler)


def is_uncut(frame: FrameType | None) -> bool:
    """Return whether a signal handler that interrupts `frame` must not raise an exception there.

    If a constructor of a semaphore or of shared memory is cut in half, its name stays in /dev/shm. The
    guardian cannot help, because this process ends by itself, and its memory map is gone with it.
    """
    while frame:
        if frame.f_code.co_name == "__init__" and frame.f_globals.get("__name__") in _UNCUT:
            return True
        frame = frame.f_back
    return False


def _listen_for_stop_requests() -> None:
    """Raise KeyboardInterrupt when this process is asked to stop, and never in one that it forks.

    A child must not run its parent's handlers, not even in its first instant. So the signals are
    blocked around fork(), and unblocked when the child has set its own handlers. If a signal arrives in
    between, the parent handles it within a hook of fork(), where an exception would be lost. The same
    holds for a callback of a weak reference, as imports have them. What is lost there is raised again.
    """
    main = os.getpid()
    here = threading.local()
    here.forking = False
    interrupted = False  # once is enough: a second KeyboardInterrupt would cut the report of the first

    def interrupt(_signum: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            return
        in_hook = frame is not None and frame.f_code in {block.__code__, restore.__code__}
        if not (here.forking or in_hook or is_uncut(frame)):
            interrupted = True
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # again, when that is done

    def come_again(lost: Any) -> None:
        nonlocal interrupted
        if isinstance(lost.exc_value, KeyboardInterrupt) and os.getpid() == main:
            interrupted = False
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

    # Use numbers, and the functions of C that take them, not the enumerations of `signal`: if a forked child
    # touches an object, its page is copied, and these were seventy pages.
    beneath: Any = sys.modules.get("_signal", signal)
    handle, set_mask = beneath.signal, beneath.pthread_sigmask
    stopping, default = tuple(map(int, STOPPING)), int(signal.SIG_DFL)
    handled = (*stopping, int(signal.SIGALRM), int(signal.SIGCONT))
    sys.unraisablehook = come_again
    _handle(handled, interrupt)
    handle(signal.SIGCONT, lambda *_: None)  # handled, so that it ends a system call: see `Runner._wake_main`
    os.register_at_fork(before=block, after_in_parent=restore, after_in_child=start_afresh)
