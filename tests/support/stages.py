"""Demos for a `Runner`, and ways to look at them."""

import signal
from dataclasses import dataclass

from processes import processes

from procdemo.demo.settings import Settings, StartMethod
from procdemo.runtime.runner import Runner

FORK = Settings(start_method=StartMethod.FORK)


def settings(start_method):
    return Settings(start_method=StartMethod(start_method))


def events_of(run, config=FORK, **options):
    """Return all events of a run."""
    with Runner(run, config, **options) as runner:
        return list(runner)


def names(events):
    return [event.name for event in events]


def reaped(pid):
    """Return whether the process has ended and was waited for; a zombie was not."""
    return pid not in processes()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyProcesses(Settings):
    """Settings of a run with children that stay."""

    deaf: bool = False
    """The children ignore SIGTERM and SIGINT."""


def stay(deaf, emit):
    if deaf:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
    emit.mark("here")
    while True:
        signal.pause()


def endless(config, emit):
    children = [config.context().Process(target=stay, args=(config.deaf, emit)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def until_all_are_here(runner):
    """Return the rest of the run once its two children have started, and their PIDs."""
    events = iter(runner)
    here = (event for event in events if event.name == "here")
    return events, [next(here).pid, next(here).pid]


def say_hello(number, emit):
    emit.mark("hello", number=number)


def short_story(config, emit):
    emit.mark("start")
    for number in range(3):
        child = config.context().Process(target=say_hello, args=(number, emit), name=f"child-{number}")
        child.start()
        child.join()
    emit.result("summary", ok=True)
