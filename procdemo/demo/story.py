"""The sentences and the lane states of a demo: its own, and those of the building blocks it is made of.

A module that reports events may have four dictionaries: ``STORY`` (key sentences, shown by default: a run
of a demo at its defaults must fit on a screen), ``DETAIL`` (sentences for ``-v``), ``LANES`` (what a process
does within a span, or outside all spans, as the demo says; for runs at which one could not look) and
``CROWDS`` (of events that can come in crowds: what is said of those that have no line of their own).
``FIRST`` names the key sentences that each process says only once by default (or as often as a dictionary
says), ``DETAIL_TABLES`` the tables for ``-v``, and ``BARE`` the sentences that stand without time, role and
PID. ``LINES`` is how many lines the screen has, if the lanes have to leave some to the sentences.
If threads are its lesson, ``THREADS`` has the families of roles whose threads have lanes of their own.
``REASONS`` has sentences for spans whose begin no line tells: why a process is blocked, or waits. A module
that uses others of this kind names them in ``BLOCKS``; only `compose` merges them.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from procdemo.demo.contract import DemoModule
from procdemo.demo.events import Kind
from procdemo.demo.states import Activity


class Story(NamedTuple):
    """What a screen needs to know about the events of a demo."""

    sentences: dict[str, str]
    """By the name of an event: a sentence in the syntax of `str.format`, filled in with the event's data."""
    details: dict[str, str]
    """The same for ``-v``."""
    lanes: dict[str, Activity]
    """By the name of a span, or by ``@role``."""
    crowds: dict[str, str]
    """By the name of an event, what is said of ``more`` events when they come too fast."""
    threads: set[str]
    """Families of roles; each thread of such a process has a lane."""
    own_reasons: dict[str, str]
    """By the name of a span: why a process is in its state meanwhile, where the span has no sentence."""
    first: dict[str, int]
    """Names of events, and how often each process tells them, unless -v is given."""
    detail_tables: set[str]
    """Names of tables that are shown only with -v."""
    bare: set[str]
    """Names of events whose sentences stand alone on their lines."""
    lines: int = 0
    """How many lines of the screen the sentences and the lanes may have together; 0 for no limit."""

    @property
    def reasons(self) -> dict[str, str]:
        """By the name of a span: what a process does meanwhile, as a sentence; its data fill it in."""
        begins = {**self.details, **self.sentences}
        suffix = f".{Kind.BEGIN}"
        told = {name.removesuffix(suffix): begins[name] for name in begins if name.endswith(suffix)}
        return told | self.own_reasons


def compose(*modules: ModuleType | DemoModule) -> Story:
    """Return the story of these modules with their blocks; a module's own words go before theirs.

    Where a module shows by default what its blocks show with ``-v``, its sentence counts; and the other way
    round.
    """
    story = Story({}, {}, {}, {}, set(), {}, {}, set(), set())
    for module in modules:
        blocks = compose(*getattr(module, "BLOCKS", ()))
        own: dict[str, str] = getattr(module, "STORY", {})
        own_details: dict[str, str] = getattr(module, "DETAIL", {})
        details = {name: words for name, words in blocks.details.items() if name not in own}
        key = {name: words for name, words in blocks.sentences.items() if name not in own_details}
        story.sentences.update(key | own)
        story.details.update(details | own_details)
        story.crowds.update(blocks.crowds | getattr(module, "CROWDS", {}))
        story.lanes.update(blocks.lanes | getattr(module, "LANES", {}))
        story.own_reasons.update(blocks.own_reasons | getattr(module, "REASONS", {}))
        story.threads.update(blocks.threads, getattr(module, "THREADS", ()))
        first = getattr(module, "FIRST", ())
        story.first.update(blocks.first | (first if isinstance(first, dict) else dict.fromkeys(first, 1)))
        story.bare.update(blocks.bare, getattr(module, "BARE", ()))
        story.detail_tables.update(blocks.detail_tables, getattr(module, "DETAIL_TABLES", ()))
        story = story._replace(lines=getattr(module, "LINES", story.lines))
    return story


def sentence_of_exit(data: Mapping[str, Any]) -> str:
    """Return the name of the sentence for the data of an event `EXITED` (`procdemo.process.exit_status`)."""
    ended = "exited" if data.get("exitcode") == 0 else "died"
    how = "killed" if data.get("by") == "main" else ended  # by the demo itself
    return f"{data['kind']} {how}" if "kind" in data else how
