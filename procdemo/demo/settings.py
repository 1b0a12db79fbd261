"""The settings of a demo, each declared in one place, and the error of a demo that cannot run."""

import math
import multiprocessing
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, cast

from procdemo.demo.cgroup import cpu_quota

if TYPE_CHECKING:
    from multiprocessing.context import ForkContext


class HelpGroup(StrEnum):
    """The part of a help page in which an option stands."""

    LESSON = "This lesson"
    OUTPUT = "Time and output"
    FAULTS = "Break it"
    LIMITS = "Limits"


class Arg(NamedTuple):
    """The option of a setting; stands beside its type, in `Annotated`."""

    help: str
    group: HelpGroup = HelpGroup.LESSON
    """Where it stands in the help; ``-h`` shows only what belongs to the lesson."""
    min: float | None = None
    max: float | None = None
    short: str | None = None
    """One-letter form, e.g. ``-n``."""
    metavar: str | None = None
    """The name of the value in the help, e.g. ``SECONDS``."""
    positional: bool = False
    """Words of the command line instead of an option; the type is ``tuple[str, ...]``."""
    simulated: bool = False
    """Whether it is a time that exists for the lesson only, or a limit of one: ``--slow`` stretches it."""
    was: str = ""
    """Its earlier name, e.g. ``timeout``: a person who types it is told the new one."""
    also: tuple[tuple[str, str], ...] = ()
    """Other words that are understood, in upper case, and the choice that each stands for."""


LimitArg = partial(Arg, group=HelpGroup.LIMITS)
"""The option of a setting that is a limit, and not part of the lesson."""

TimeArg = partial(Arg, metavar="SECONDS", simulated=True)
"""The option of a simulated time."""


class StartMethod(StrEnum):
    """How multiprocessing starts a process; see "Contexts and start methods" in its documentation."""

    FORK = "fork"
    SPAWN = "spawn"
    FORKSERVER = "forkserver"


class CannotRunError(Exception):
    """A demo cannot do what the options ask for; this is no bug."""

    def __init__(self, message: str, hint: str, exit_code: int = 1) -> None:
        """Say what happened and why (`message`) and what to type instead (`hint`)."""
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


def pip_install(package: str) -> str:
    """Return the command that installs `package` for the interpreter that runs, wherever procdemo is from.

    It never names an extra of procdemo: for a copy that did not come from the package index, pip would fetch
    what has this name there.
    """
    # Rarely needed.
    import shlex  # noqa: PLC0415
    from importlib.util import find_spec  # noqa: PLC0415

    python = shlex.quote(sys.executable or "python3")
    command = f"{python} -m pip install {package}"
    if find_spec("pip") is None:  # as in an environment that uv has made
        command += f"  (without pip: uv pip install --python {python} {package})"
    return command


def check_item(option: str, item: int | None, items: int) -> None:
    """Check that there is the `item` that ``--option`` names, among `items` numbered from 0.

    Raises:
        CannotRunError: there is no such item; exit status 2.
    """
    if item is not None and item >= items:
        message = f"--{option} {item}: there are {items} items, and the last is item {items - 1}"
        raise CannotRunError(message, f"--{option} {items - 1} or --items {item + 1}", exit_code=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """Settings of every demo."""

    verbose: int = 0
    """How much detail is shown (``-v``): a demo reports what costs time only if it is wanted."""

    faults_from_ns: int = 0
    """Before when no fault of the command line (``--kill``, ``--stop``, ``--chaos``) can be due, by
    `time.monotonic_ns`; 0 if there is none. What fails from then on may have been asked for."""

    @property
    def start_method(self) -> str | None:
        """How child processes are made; None for a demo that starts none."""
        return None

    @property
    def names_semaphores(self) -> bool:
        """Whether multiprocessing names the demo's semaphores in /dev/shm (spawn, forkserver).

        Then a resource tracker must outlive a killed demo, to remove them.
        """
        return False

    @property
    def step(self) -> bool:
        """Whether a person decides each step of the demo, with lines on its stdin."""
        return False

    @property
    def usual_kill(self) -> str:
        """The fault that belongs to the lesson, e.g. ``worker-0@0.6``, unless the command line has faults."""
        return ""

    @property
    def stop_patience(self) -> float:
        """Seconds that the demo has, after a request to stop, until all its processes are killed."""
        return 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(DemoSettings):
    """Settings of every demo that starts processes; a pattern's ``Config`` adds its own."""

    start_method: Annotated[
        StartMethod, Arg("Start method: fork, spawn or forkserver.", metavar="METHOD")
    ] = StartMethod(
        multiprocessing.get_all_start_methods()[0]  # documented: the first is the default
    )

    @property
    def names_semaphores(self) -> bool:
        """Only under fork they have no names."""
        return self.start_method != StartMethod.FORK

    def context(self) -> "ForkContext":
        """Return multiprocessing with this start method.

        Raises:
            CannotRunError: this platform does not have it.
        """
        methods = multiprocessing.get_all_start_methods()
        if self.start_method not in methods:
            raise CannotRunError(
                f"start method {self.start_method} is not available on this platform",
                f"--start-method {methods[0]}",
                exit_code=3,
            )
        # All contexts have the same methods, but their common type has no class Process.
        return cast("ForkContext", multiprocessing.get_context(self.start_method))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings(Settings):
    """Settings of a demo that can also run on other hosts, with dask.distributed."""

    cluster: Annotated[str | None, Arg("Run it on dask: local, or tcp://HOST:PORT.", metavar="ADDRESS")] = (
        None
    )

    @property
    def names_semaphores(self) -> bool:
        """Also with dask, which starts each worker as a new interpreter."""
        return self.cluster is not None or self.start_method != StartMethod.FORK


def usable_cpus() -> int:
    """Return how many CPUs this process may use; at least 1.

    That is the smaller one of two numbers: the CPUs that its affinity allows (taskset, cpuset), and the CPU
    quota of its control group (``docker run --cpus``), rounded up. `os.cpu_count` counts the machine's.
    """
    quota = _quota()
    allowed = _allowed_cpus()
    return allowed if quota is None else max(min(allowed, math.ceil(quota)), 1)


def limit_of_cpus() -> str:
    """Return why `usable_cpus` is less than the CPUs of the machine; empty if it is not."""
    usable, machine = usable_cpus(), os.cpu_count() or 1
    if usable >= machine:
        return ""
    quota = _quota()
    if quota is not None and usable < _allowed_cpus():
        return f"of {machine}: the CPU quota of the control group is {quota:.3g}"
    return f"of {machine}: the CPU affinity allows no others"


_quota = cache(cpu_quota)


def _allowed_cpus() -> int:
    # `os.process_cpu_count` exists from Python 3.13.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
