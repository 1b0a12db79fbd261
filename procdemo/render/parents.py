"""What is said below the lanes of processes whose parent did not wait for them, or has ended."""

from collections import defaultdict
from collections.abc import Iterable

from procdemo.demo.text import printable
from procdemo.render.timeline import Lane

_MOST = 3  # sentences


def zombies(lanes: Iterable[Lane]) -> list[str]:
    """Return a sentence for each parent that did not wait for processes of these lanes when they ended."""
    sentence = "{parent} did not wait for {children}: "
    return _by_parent(((lane.zombie_of, lane) for lane in lanes), sentence, ("a zombie", "zombies"))


def orphaned(lanes: Iterable[Lane]) -> list[str]:
    """Return a sentence for each parent that ended before processes of these lanes, other than helpers."""
    sentence = "{parent} ended before {children}: "
    return _by_parent(
        ((lane.orphan_of, lane) for lane in lanes if not lane.helper), sentence, ("an orphan", "orphans")
    )


def _by_parent(pairs: Iterable[tuple[str, Lane]], sentence: str, nouns: tuple[str, str]) -> list[str]:
    children: dict[str, list[str]] = defaultdict(list)
    for parent, lane in pairs:
        if parent:
            children[parent].append(lane.name)
    said = []
    for parent, names in children.items():
        more = len(names) - 1
        some = f"{names[0]} and {more:,} more" if more else names[0]
        said.append(printable(sentence.format(parent=parent, children=some) + nouns[more > 0]))
    rest = len(said) - _MOST
    return said[:_MOST] + [f"... and {rest:,} more parents of {nouns[1]}"] * (rest > 0)
