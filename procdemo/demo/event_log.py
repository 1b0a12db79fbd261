"""A recorded run, read from a file: the same events again."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from procdemo.demo.events import META, SUMMARY, Event, Kind
from procdemo.demo.log_file import DamagedLogError, foreign_file, lines_of
from procdemo.demo.states import State
from procdemo.demo.text import printable

__all__ = ["DamagedLogError", "paced", "read"]

_KINDS = frozenset(map(str, Kind))
_STATES = frozenset(map(str, State))
_FIELDS = frozenset(Event._fields)
_LARGEST = 2**63 - 1
_TYPES = (str, str, dict, int, int, int, str)  # of the fields of an event
_HEAD = "head -n {} {{file}} | procdemo replay -"
_CALLED = {str: "text", dict: "an object", int: "a whole number"}


def read(file: BinaryIO) -> Iterator[Event]:
    """Yield the events of a log in JSON Lines, as ``--json`` writes it, in UTF-8, UTF-16 or UTF-32.

    Raises:
        DamagedLogError: a line is not an event; the first event is not the mark ``meta``, or there is
            another; the last event is not the result ``summary``, or it is not the last.
    """
    number, summary = 0, None
    for number, line in enumerate(lines_of(file), start=1):
        if summary and not line.strip():
            continue
        try:
            event = _event(line, number)
        except DamagedLogError as error:
            raise (number == 1 and foreign_file(line, file)) or error from None
        if number == 1:
            _check_meta(event)
        if number > 1 and (event.kind, event.name) == (Kind.MARK, META):
            hint = f"{_HEAD.format(number - 1)}, and tail -n +{number} {{file}} | procdemo replay -"
            raise DamagedLogError(f"line {number}: a second log begins here", hint)
        if summary:
            message = f"line {number}: an event after the summary, which ends a log"
            raise DamagedLogError(message, _HEAD.format(number - 1))
        if (event.kind, event.name) == (Kind.RESULT, SUMMARY):
            summary = event  # not yet: nothing may come after it
        else:
            yield event
    if not number:
        raise DamagedLogError("line 0: the log breaks off here: the file is empty")
    if not summary:
        raise DamagedLogError(f"line {number}: the log breaks off here: no summary")
    yield summary


def paced(events: Iterator[Event], pace: float | None) -> Iterator[Event]:
    """Yield events at the times when they happened, `pace` times as fast; None for without a pause."""
    start_ns, begin = 0, time.monotonic()
    for event in events:
        start_ns = start_ns or event.time_ns
        if pace:
            due = begin + (event.time_ns - start_ns) / 1e9 / pace
            time.sleep(max(due - time.monotonic(), 0))  # noqa: TID251 - the pace itself
        yield event


def _from_json(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except RecursionError:
        why = "nested too deeply"
    except json.JSONDecodeError as error:
        why = f"from character {error.pos + 1} on"
    except ValueError:
        why = "a number has too many digits"
    raise DamagedLogError(f"line {number}: not JSON ({why})")


def _event(line: str, number: int) -> Event:
    fields = _from_json(line, number)
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise DamagedLogError(f"line {number}: not an event (its keys must be {', '.join(Event._fields)})")
    if str(fields["kind"]) not in _KINDS:
        raise DamagedLogError(f"line {number}: no such kind of event: '{printable(fields['kind'], 40)}'")
    event = Event(**fields)
    for key, value, type_ in zip(Event._fields, event, _TYPES, strict=True):
        if type(value) is not type_:
            raise DamagedLogError(f"line {number}: {key} must be {_CALLED[type_]}")
    if max(abs(event.time_ns), abs(event.pid), abs(event.tid)) > _LARGEST:
        raise DamagedLogError(f"line {number}: a number of more than 63 bits")
    if event.kind == Kind.COUNT:
        _check_numbers(event, event.data.keys() & {"value", "total"} | {"value"}, number)
    elif event.kind == Kind.STATE:
        _check_state(event, number)
    return event


def _check_numbers(event: Event, keys: Iterable[str], number: int) -> None:
    for key in keys:
        if type(event.data.get(key)) not in {int, float}:
            raise DamagedLogError(f"line {number}: the {key} of a {event.kind} must be a number")


def _check_state(event: Event, number: int) -> None:
    if event.name not in _STATES:
        raise DamagedLogError(f"line {number}: no such state: '{printable(event.name, 40)}'")
    _check_numbers(event, ("cpu_ms", "ready_ms"), number)
    also = event.data.get("also_ms", {})
    if not isinstance(also, dict) or any(type(ms) not in {int, float} for ms in also.values()):
        raise DamagedLogError(f"line {number}: also_ms must be numbers by state")


def _check_meta(event: Event) -> None:
    if event.name != META:
        name = printable(event.name, 40)
        raise DamagedLogError(f"line 1: the log must begin with the mark '{META}', not '{name}'")
    for key, type_ in {"command": str, "config": dict}.items():
        if not isinstance(event.data.get(key), type_):
            raise DamagedLogError(f"line 1: {key} must be {_CALLED[type_]}")
