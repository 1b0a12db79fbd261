"""What the screen says of an event: a sentence of its demo's story, filled in with the event's data."""

from typing import Any

from procdemo.demo.events import EXITED, INTERRUPTED, Event, Kind
from procdemo.demo.text import printable
from procdemo.process.exit_status import sentence_of_exit

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


def verdict(event: Event, sentence: str | None) -> str:
    """Return the last line of a run: in a word how it ended, why, and what the summary counts.

    Args:
        event: the summary.
        sentence: of the summary, if the story has one; used if there is no reason.
    """
    word = printable(event.data.get("outcome") or ("ok" if event.data.get("ok") else "FAILED"))
    if "reason" not in event.data:
        return f"{word}: {facts(event) if sentence is None else filled(sentence, event)}"
    said = [printable(event.data["reason"]).removeprefix(f"{word}: ")]
    if word != INTERRUPTED:
        said.append(facts(event._replace(data={k: v for k, v in event.data.items() if k != "reason"})))
    return f"{word}: {'; '.join(filter(None, said))}"


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
