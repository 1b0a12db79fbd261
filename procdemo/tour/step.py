"""The steps of the tour, from ``steps.toml``: a question, choices, a command, and what was to be seen."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from procdemo.demo.events import SUMMARY, Event, Kind

_FACT = re.compile(r"(?P<name>[^:@]+)(@(?P<role>[^:]+))?:(?P<field>\w+)")


class Step(NamedTuple):
    """One step of the tour."""

    number: int
    """From 1 on."""
    title: str
    question: str
    choices: tuple[str, ...]
    answer: int
    """The number of the right choice, from 1 on; 0 if each one is right."""
    command: tuple[str, ...]
    """Without ``procdemo``; ``{port}`` is the port of `server`, ``{script}`` the path of `script`."""
    server: tuple[str, ...]
    """A command that must run meanwhile; empty for none."""
    script: str
    """A file of ``tour/scripts``; empty for none."""
    status: tuple[int, ...]
    """The exit statuses that belong to the lesson."""
    facts: Mapping[str, str]
    saw: str

    def seen(self, events: Iterable[Event]) -> str:
        """Return what was to be seen in the run with these events; facts that are missing are ``?``."""
        log = list(events)
        data: dict[str, Any] = {}
        for event in log:
            if (event.kind, event.name) == (Kind.RESULT, SUMMARY):
                data |= event.data
        found = {name: _fact(where, log) for name, where in self.facts.items()}
        try:
            return self.saw.format_map({**data, **found})
        except (KeyError, ValueError):  # it was ended early
            return re.sub(r"{[^}]*}", "?", self.saw)


@cache
def steps() -> tuple[Step, ...]:
    """Return the steps in their order."""
    table = tomllib.loads(files("procdemo.tour").joinpath("steps.toml").read_text("utf-8"))
    return tuple(
        Step(
            number,
            step["title"],
            step["question"],
            tuple(step["choices"]),
            step["answer"],
            tuple(step["command"]),
            tuple(step.get("server", ())),
            step.get("script", ""),
            tuple(step.get("status", (0,))),
            step["facts"],
            step["saw"],
        )
        for number, step in enumerate(table["step"], start=1)
    )


def script_path(name: str) -> str:
    """Return the path of a script of the tour."""
    return str(files("procdemo.tour").joinpath("scripts", name))


def _fact(where: str, events: Iterable[Event]) -> Any:
    """Return what the first event that is meant says: ``NAME[@ROLE]:FIELD``; ``?`` if there is none."""
    match = _FACT.fullmatch(where)
    if match is None:
        raise ValueError(where)
    for event in events:
        if event.name == match["name"] and match["role"] in {None, event.role}:
            return event.data.get(match["field"], getattr(event, match["field"], "?"))
    return "?"
