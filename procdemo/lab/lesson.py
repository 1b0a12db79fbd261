"""A lesson: a folder with a claim, one or two scripts, and what each script is expected to do.

``lessons/NAME/lesson.toml`` has the claim; beside it is ``shows.py``, or ``broken.py`` with or without
``fixed.py``. The scripts do not import procdemo, because learners take them home.
"""

import platform
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from procdemo.demo.settings import CannotRunError, StartMethod, usable_cpus
from procdemo.demo.text import quoted
from procdemo.process import python_build

FOLDER = files("procdemo.lab").joinpath("lessons")
"""The folders of the lessons; in a zip if procdemo is in one, and then they are no files of the system."""

CHAPTERS = {
    "A": "Processes, threads, the GIL",
    "B": "Process",
    "C": "Sockets",
    "D": "Pool",
    "E": "Queues, pipes, locks",
    "F": "Producers and consumers",
    "G": "Executors and futures",
    "H": "Coroutines",
}

VERDICTS = ("OK", "LOST", "ERROR", "HUNG")
"""What the verdict on a script can be."""

SCRIPTS = ("shows", "broken", "fixed")


class Interpreter(NamedTuple):
    """The properties of a Python that an expectation may depend on."""

    python: tuple[int, ...]
    """Its version: two numbers, or three."""
    build: str
    """``gil`` or ``free-threaded``."""
    system: str
    """As in `sys.platform`."""

    @classmethod
    def own(cls) -> "Interpreter":
        """Return the interpreter that runs this."""
        build = "gil" if python_build.has_gil() else "free-threaded"
        return cls(sys.version_info[:3], build, sys.platform)

    def __str__(self) -> str:
        name = f"{platform.python_implementation()} {self.python[0]}.{self.python[1]}"
        return f"{name}, {self.build}, {self.system}"


class Expectation(NamedTuple):
    """What a script is expected to do."""

    verdict: str
    """One of `VERDICTS`."""
    shows: tuple[str, ...] = ()
    """Regular expressions; each matches in some line of its output."""
    survivors: int = 0
    """How many processes it leaves behind."""
    lost_means: str = ""
    """What LOST means in this lesson, with ``{lost}`` for the number: ``{lost} zombies``."""


class Script(NamedTuple):
    """A file to run."""

    kind: str
    """One of `SCRIPTS`."""
    path: Traversable
    table: Mapping[str, Any]
    """Its table in ``lesson.toml``."""

    def expected(self, method: str, where: Interpreter) -> Expectation:
        """Return what its table says, changed by the first ``but`` that applies to `method` and `where`."""
        exceptions = (but for but in self.table.get("but", ()) if _applies(but, method, where))
        table = {**self.table, **next(exceptions, {})}
        return Expectation(
            table["verdict"],
            tuple(table.get("shows", ())),
            table.get("survivors", 0),
            table.get("lost_means", ""),
        )


class Lesson(NamedTuple):
    """A claim, and the scripts that test it."""

    name: str
    title: str
    chapter: str
    """A key of `CHAPTERS`."""
    notes: tuple[str, ...]
    """Rows of the teaching notes that it is about; none if it goes beyond them."""
    claim: str
    why: tuple[str, ...]
    """The reasons, a sentence each."""
    source: str
    """Where it is documented: a section of Python's documentation or an issue of CPython."""
    words: str
    """Words that a person may type to find it, and that are not in its texts."""
    start_methods: tuple[str, ...]
    """The start methods that make a difference; none for a lesson without multiprocessing."""
    scripts: tuple[Script, ...]
    deadline: float
    """Seconds after which a script counts as hung, though something still moves."""
    alone: bool
    """Whether it measures time, and so needs the machine for itself."""
    cpus: int
    """How many usable CPUs it needs."""
    needs: str
    """What system it needs: ``linux``, or nothing."""

    def missing(self) -> str:
        """Return why it cannot be run here; empty if it can be run."""
        if self.needs == "linux" and sys.platform != "linux":
            return f"needs Linux, and this is {sys.platform}"
        if self.cpus > usable_cpus():
            return f"needs {self.cpus} CPUs, and this process may use {usable_cpus()}"
        return ""

    def methods(self, chosen: Iterable[str]) -> list[str]:
        """Return the chosen start methods that matter to it; only ``""`` if none can matter."""
        return [method for method in chosen if method in self.start_methods] or [""][: not self.start_methods]


@cache
def lessons() -> dict[str, Lesson]:
    """Return all lessons by name, in the order of chapters and rows."""
    found = [_read(path) for path in FOLDER.iterdir() if path.joinpath("lesson.toml").is_file()]
    return {lesson.name: lesson for lesson in sorted(found, key=_order)}


def find(name: str) -> Lesson:
    """Return the lesson called `name`.

    Raises:
        CannotRunError: there is no such lesson; exit status 2.
    """
    if name not in lessons():
        near = get_close_matches(name.lower(), _words(), n=1, cutoff=0.75)
        hint = f"procdemo lab {near[0]}" if near else "procdemo lab, which lists them all"
        raise CannotRunError(f"no lesson called {quoted(name)}", hint, exit_code=2)
    return lessons()[name]


def search(words: Sequence[str]) -> list[Lesson]:
    """Return the lessons that have all `words` in their name or texts, in any case.

    If there is none: those that have them in their scripts, too. A word that is the letter of a chapter
    stands for all its lessons. One with a script that hangs is found by ``hang``, ``hangs`` and ``hung``.
    """
    for text_of in (_text, _text_and_code):
        if found := [each for each in lessons().values() if all(_has(each, word, text_of) for word in words)]:
            return found
    return []


def _has(lesson: Lesson, word: str, text_of: Callable[[Lesson], str]) -> bool:
    if word.upper() in CHAPTERS:
        return lesson.chapter == word.upper()
    return word.lower() in text_of(lesson).lower()


def _text(lesson: Lesson) -> str:
    hangs = "hang hangs hung" if any(s.table["verdict"] == "HUNG" for s in lesson.scripts) else ""
    return " ".join((lesson.name, lesson.title, lesson.claim, *lesson.why, lesson.words, hangs))


def _text_and_code(lesson: Lesson) -> str:
    return " ".join((_text(lesson), *(script.path.read_text("utf-8") for script in lesson.scripts)))


def _words() -> list[str]:
    """Return what a name that is none may mean: the names, then the longer words of the texts."""
    texts = " ".join(map(_text, lessons().values())).lower()
    return [*lessons(), *sorted(set(re.findall(r"[a-z]{5,}", texts)) - lessons().keys())]


def _order(lesson: Lesson) -> tuple[str, list[tuple[str, int]], str]:
    rows = [(row[0], int(row[1:])) for row in lesson.notes if row[0] == lesson.chapter]
    return lesson.chapter, rows or [("Z", 0)], lesson.name


def _read(folder: Traversable) -> Lesson:
    table = tomllib.loads(folder.joinpath("lesson.toml").read_text("utf-8"))
    scripts = [
        Script(kind, folder.joinpath(f"{kind}.py"), table.pop(kind)) for kind in SCRIPTS if kind in table
    ]
    return Lesson(
        name=folder.name,
        title=table.pop("title"),
        chapter=table.pop("chapter"),
        notes=tuple(table.pop("notes", ())),
        claim=table.pop("claim"),
        why=tuple(re.split(r"(?<=[.?!]) ", " ".join(table.pop("why").split()))),
        source=table.pop("source"),
        words=table.pop("words", ""),
        start_methods=tuple(table.pop("start_methods", StartMethod)),
        scripts=tuple(scripts),
        deadline=table.pop("deadline", 15.0),
        alone=table.pop("alone", False),
        cpus=table.pop("cpus", 1),
        needs=table.pop("needs", ""),
        **table,  # must be empty now: what is left is a misspelt key
    )


def _applies(but: Mapping[str, Any], method: str, where: Interpreter) -> bool:
    """Return whether an exception applies to this start method and interpreter."""
    return (
        method in but.get("start_methods", [method])
        and where.build == but.get("build", where.build)
        and where.system == but.get("system", where.system)
        and _satisfies(where.python, but.get("python", ""))
    )


def _satisfies(python: tuple[int, ...], conditions: str) -> bool:
    """Return whether a version meets conditions like ``>=3.12,<3.14`` or ``>=3.13.8``."""
    for sign, version in re.findall(r"(>=|<)([\d.]+)", conditions):
        if (python >= tuple(map(int, version.split(".")))) != (sign == ">="):
            return False
    return True
