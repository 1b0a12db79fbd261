"""What a lesson is: a folder with scripts, a claim, and what each script is expected to do.

``lessons/NAME/lesson.toml`` tells the claim; beside it ``shows.py``, or ``broken.py`` with or
without ``fixed.py``. The scripts know nothing of procdemo: they are what the learner takes home.
"""

import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from procdemo.demo.settings import CannotRunError, StartMethod, usable_cpus

FOLDER = Path(__file__).with_name("lessons")

CHAPTERS = {
    "A": "Processes, threads, the GIL",
    "B": "Process",
    "C": "Sockets",
    "D": "Pool",
    "E": "Queues, pipes, locks",
    "F": "Producers and consumers",
}

VERDICTS = ("OK", "LOST", "ERROR", "HUNG")
"""What a script can come to."""

SCRIPTS = ("shows", "broken", "fixed")


class Interpreter(NamedTuple):
    """What an expectation may depend on."""

    python: tuple[int, int]
    build: str
    """``gil`` or ``free-threaded``."""
    system: str
    """As in `sys.platform`."""

    @classmethod
    def own(cls) -> "Interpreter":
        """Return the one that runs this."""
        free = not getattr(sys, "_is_gil_enabled", lambda: True)()
        return cls(sys.version_info[:2], "free-threaded" if free else "gil", sys.platform)

    def __str__(self) -> str:
        name = f"{platform.python_implementation()} {self.python[0]}.{self.python[1]}"
        return f"{name}, {self.build}, {self.system}"


class Expectation(NamedTuple):
    """What a script will come to."""

    verdict: str
    """One of `VERDICTS`."""
    shows: tuple[str, ...] = ()
    """Regular expressions; each is found in some line of its output."""
    survivors: int = 0
    """Processes that it leaves behind."""


class Script(NamedTuple):
    """A file to run."""

    kind: str
    """One of `SCRIPTS`."""
    path: Path
    told: Mapping[str, Any]
    """Its table in ``lesson.toml``."""

    def expected(self, method: str, where: Interpreter) -> Expectation:
        """Return what it will come to, started with `method`: the first ``but`` that applies, or the rule."""
        exceptions = (but for but in self.told.get("but", ()) if _applies(but, method, where))
        told = {**self.told, **next(exceptions, {})}
        return Expectation(told["verdict"], tuple(told.get("shows", ())), told.get("survivors", 0))


class Lesson(NamedTuple):
    """A claim, and the scripts that put it to the test."""

    name: str
    title: str
    chapter: str
    """A key of `CHAPTERS`."""
    notes: tuple[str, ...]
    """Rows of the teaching notes that it tells of; none if it goes beyond them."""
    claim: str
    why: tuple[str, ...]
    """A sentence each."""
    source: str
    """Where it is documented: a section of Python's documentation or an issue of CPython."""
    start_methods: tuple[str, ...]
    """The start methods that make a difference; none for a lesson without multiprocessing."""
    scripts: tuple[Script, ...]
    deadline: float
    """Seconds after which a script that still moves counts as hung."""
    alone: bool
    """Whether it measures time, and so wants the machine for itself."""
    cpus: int
    """How many usable CPUs it needs."""
    needs: str
    """What of Python or the system it needs: ``linux``, a module, or nothing."""

    def missing(self) -> str:
        """Return why it cannot be run here; empty if it can."""
        if self.needs == "linux" and sys.platform != "linux":
            return f"needs Linux, and this is {sys.platform}"
        if self.cpus > usable_cpus():
            return f"needs {self.cpus} CPUs, and this process may use {usable_cpus()}"
        return ""

    def methods(self, chosen: Iterable[str]) -> list[str]:
        """Return those of the chosen start methods under which to run it; one if none matters."""
        return [method for method in chosen if method in self.start_methods] or [""][: not self.start_methods]


@cache
def lessons() -> dict[str, Lesson]:
    """Return all lessons by name, in the order of chapters and rows."""
    found = [_read(path) for path in FOLDER.glob("*/lesson.toml")]
    return {lesson.name: lesson for lesson in sorted(found, key=_place)}


def find(name: str) -> Lesson:
    """Return the lesson called `name`.

    Raises:
        CannotRunError: there is none; exit status 2.
    """
    if name not in lessons():
        near = get_close_matches(name, lessons(), n=1)
        hint = f"procdemo lab {near[0]}" if near else "procdemo lab, which lists them all"
        raise CannotRunError(f"no lesson called {name!r}", hint, exit_code=2)
    return lessons()[name]


def _place(lesson: Lesson) -> tuple[str, list[tuple[str, int]], str]:
    rows = [(row[0], int(row[1:])) for row in lesson.notes if row[0] == lesson.chapter]
    return lesson.chapter, rows or [("Z", 0)], lesson.name


def _read(path: Path) -> Lesson:
    told = tomllib.loads(path.read_text("utf-8"))
    scripts = [Script(kind, path.with_name(f"{kind}.py"), told.pop(kind)) for kind in SCRIPTS if kind in told]
    return Lesson(
        name=path.parent.name,
        title=told.pop("title"),
        chapter=told.pop("chapter"),
        notes=tuple(told.pop("notes", ())),
        claim=told.pop("claim"),
        why=tuple(re.split(r"(?<=[.?!]) ", " ".join(told.pop("why").split()))),
        source=told.pop("source"),
        start_methods=tuple(told.pop("start_methods", StartMethod)),
        scripts=tuple(scripts),
        deadline=told.pop("deadline", 15.0),
        alone=told.pop("alone", False),
        cpus=told.pop("cpus", 1),
        needs=told.pop("needs", ""),
        **told,  # nothing is left, or the key is misspelt
    )


def _applies(but: Mapping[str, Any], method: str, where: Interpreter) -> bool:
    """Return whether an exception is meant for this start method and interpreter."""
    return (
        method in but.get("start_methods", [method])
        and where.build == but.get("build", where.build)
        and where.system == but.get("system", where.system)
        and _satisfies(where.python, but.get("python", ""))
    )


def _satisfies(python: tuple[int, int], conditions: str) -> bool:
    """Return whether a version meets conditions like ``>=3.12,<3.14``."""
    for sign, major, minor in re.findall(r"(>=|<)(\d+)\.(\d+)", conditions):
        if (python >= (int(major), int(minor))) != (sign == ">="):
            return False
    return True
