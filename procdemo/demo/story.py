"""The sentences and the lane states of a demo: its own, and those of the building blocks it is made of.

A module that reports events may have three dictionaries: ``STORY`` (sentences that are shown by default),
``DETAIL`` (sentences for ``-v``) and ``LANES`` (what a process does within a span, or outside all spans, as
the demo says; for runs at which one could not look). If threads are its lesson, ``THREADS`` has the families
of roles whose threads have lanes of their own. A module that uses others of this kind names them in
``BLOCKS``; only `compose` merges them.
"""

from types import ModuleType
from typing import NamedTuple

from procdemo.demo.contract import DemoModule
from procdemo.demo.states import Activity


class Story(NamedTuple):
    """What a screen needs to know about the events of a demo."""

    sentences: dict[str, str]
    """By the name of an event: a sentence in the syntax of `str.format`, filled in with the event's data."""
    details: dict[str, str]
    """The same for ``-v``."""
    lanes: dict[str, Activity]
    """By the name of a span, or by ``@role``."""
    threads: set[str]
    """Families of roles; each thread of such a process has a lane."""


def compose(*modules: ModuleType | DemoModule) -> Story:
    """Return the story of these modules with their blocks; a module's own words go before theirs.

    A sentence that a module shows by default replaces its blocks' sentence for ``-v``, too.
    """
    story = Story({}, {}, {}, set())
    for module in modules:
        blocks = compose(*getattr(module, "BLOCKS", ()))
        own: dict[str, str] = getattr(module, "STORY", {})
        details = {name: words for name, words in blocks.details.items() if name not in own}
        story.sentences.update(blocks.sentences | own)
        story.details.update(details | getattr(module, "DETAIL", {}))
        story.lanes.update(blocks.lanes | getattr(module, "LANES", {}))
        story.threads.update(blocks.threads, getattr(module, "THREADS", ()))
    return story
