"""What the screen says of an event: a sentence of its demo's story, filled in with the event's data."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from procdemo.demo.events import EXITED, INTERRUPTED, SUMMARY, Event, Kind
from procdemo.demo.story import sentence_of_exit
from procdemo.demo.text import printable

COUNTS = "counts"
"""The name of the sentence that is filled in with the summary's data, and stands above the answer."""
_VALUE_LIMIT = 200  # characters of one value in a line


class _Fields(dict[str, Any]):
    """The data of an event, as the fields of a sentence: each made printable when it is used."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.data, role=event.role, pid=event.pid)

    def __getitem__(self, key: str) -> Any:
        value = super().get(key, "-")
        return value if isinstance(value, int | float) else printable(value, _VALUE_LIMIT)


def as_option(name: str, value: Any) -> str:
    """Return a setting as it was typed, without its dashes."""
    name = name.replace("_", "-")
    return name if value is True else f"{name} {printable(value)}"


def verdict(event: Event, story: Mapping[str, str]) -> tuple[str, str]:
    """Return the last two lines of a run: what it counted, and the answer to the demo's question.

    The answer begins with a word: ok, FAILED, or the summary's own. It is the reason of the summary if there
    is one, otherwise its answer, otherwise the story's sentence. The counts are empty if there are none.

    Args:
        event: the summary.
        story: has the sentence ``counts``, and ``summary`` for the answer.
    """
    word = printable(event.data.get("outcome") or ("ok" if event.data.get("ok") else "FAILED"))
    counts = filled(story[COUNTS], event) if COUNTS in story and _has_all(story[COUNTS], event) else ""
    if "reason" in event.data:
        said = printable(event.data["reason"]).removeprefix(f"{word}: ")
        rest = facts(event._replace(data={k: v for k, v in event.data.items() if k != "reason"}))
        return ("" if word == INTERRUPTED else counts or rest), f"{word}: {said}"
    answer = event.data.get("answer")
    if answer is None and SUMMARY not in story:
        return counts, f"{word}: {facts(event)}"
    return counts, f"{word}: {printable(answer) if answer else filled(story[SUMMARY], event)}"


def _has_all(sentence: str, event: Event) -> bool:
    """Return whether the event has data for each field of a sentence."""
    return {field for _, field, _, _ in Formatter().parse(sentence) if field} <= event.data.keys()


def name_of(event: Event) -> str:
    """Return the name of an event's sentence in a story."""
    if event.kind == Kind.MARK:
        return sentence_of_exit(event.data) if event.name == EXITED else event.name
    return f"{event.name}.{event.kind}"


def filled(sentence: str, event: Event) -> str:
    """Return the sentence filled in with the data; only the data if they do not fit into it."""
    try:
        return sentence.format_map(_Fields(event))
    except (ValueError, TypeError, OverflowError):
        return facts(event)


def facts(event: Event) -> str:
    """Return the data of an event as one line."""
    fields = _Fields(event)
    return "  ".join(f"{printable(key)} {fields[key]}" for key in event.data if key not in {"ok", "outcome"})
