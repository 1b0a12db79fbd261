"""The order of a run's events: on one host nothing arrives before it was sent."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from oracle import Result

from procdemo.demo.events import Event
from procdemo.pools.monitored_queue import DEPTH

_SERVED = {"waits", "serve", "serves", "serves at last", "served", "gave up"}  # what servers say of a client


class Pair(NamedTuple):
    """An event, and what it presupposes."""

    cause: Event
    effect: Event


def assert_in_order(result: Result) -> None:
    """Assert that each message, task and client of a run was sent before it arrived."""
    found = list(pairs(result.events))
    assert found, f"O: nothing was sent\n{result.told()}"
    wrong = [pair for pair in found if pair.cause.time_ns > pair.effect.time_ns]
    assert not wrong, f"O: an effect is earlier than its cause: {wrong[0]}\n{result.told()}"


def assert_depths(result: Result, maxsize: int) -> None:
    """Assert that each depth of the queue of `prodcons` is puts minus takes, and never out of its range.

    A process counts, and reports the depth a moment later. So each other process may have counted one message
    more than its events have told.
    """
    told = sorted(
        (event for event in result.events if event.kind == "count" and event.name == DEPTH),
        key=lambda event: event.time_ns,
    )
    assert told, f"O: no depth was told\n{result.told()}"
    others = len({event.role for event in told}) - 1
    depth = 0
    for event in told:
        depth += 1 if event.role.startswith("producer") else -1
        value = event.data["value"]
        assert 0 <= value <= maxsize, f"O: {value} of {maxsize}: {event}"
        assert abs(value - depth) <= others, f"O: puts minus takes are {depth}: {event}"
    assert depth == 0, f"O: {depth} more puts than takes\n{result.told()}"


def pairs(events: list[Event]) -> Iterator[Pair]:
    """Yield what must be in order.

    A receive presupposes the first sending of the same name and id. What a server says of a scripted client
    presupposes that the client asks. An answer, if a span says when it was served, presupposes that.
    """
    sent: dict[Any, Event] = {}
    asked: dict[str, Event] = {}
    begun: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event.time_ns):
        if event.kind == "send":
            sent.setdefault((event.name, str(event.data["id"])), event)
        elif event.name == "asks":
            asked[f"{event.role} (port {event.data['port']})"] = event
        elif event.name == "serve" and event.kind != "end":
            begun.setdefault(event.data["client"], event)
    for event in events:
        if event.kind == "receive":
            key = event.name, str(event.data["id"])
            assert key in sent, f"O: received, and never sent: {event}"
            yield Pair(sent[key], event)
        elif event.name in _SERVED and event.kind != "end" and event.data["client"] in asked:
            yield Pair(asked[event.data["client"]], event)
    for name, event in asked.items():
        answers = [each for each in events if each.name == "answered" and each.role == event.role]
        if name in begun and answers:
            yield Pair(begun[name], answers[0])
