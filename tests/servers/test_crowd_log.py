"""Of the clients of a crowd none is told by its worker; all are named in batches."""

import time

import pytest

from procdemo.demo.events import Emitter, Event
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers.access_log import BATCH_S, ONE_BY_ONE
from procdemo.servers.crowd_log import CrowdLog

OUTCOME = ("client left", 5)


@pytest.fixture
def loop():
    loop = SelectorLoop()
    yield loop
    loop.close()


@pytest.fixture
def events():
    return []


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose one item is the time."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def log(events, loop):
    return CrowdLog(Emitter(lambda record: events.append(Event._make(record))), loop)


def serve(log, clients):
    for _ in range(clients):
        log.count_served()


def test_as_long_as_few_are_served_all_are_told(log, clock):
    for _ in range(10):
        serve(log, ONE_BY_ONE)
        assert log.may_tell()
        clock[0] += BATCH_S


def test_while_so_many_are_served_none_is_told(log, clock):
    for _ in range(3):
        serve(log, ONE_BY_ONE + 1)
        assert not log.may_tell()
        clock[0] += BATCH_S
        assert not log.may_tell()
    clock[0] += BATCH_S
    assert log.may_tell()


def test_after_a_pause_they_are_told_again(log, clock):
    serve(log, ONE_BY_ONE + 1)
    clock[0] += 2 * BATCH_S
    assert log.may_tell()


def test_with_v_all_are_told(loop):
    log = CrowdLog(Emitter(lambda _: None), loop, all_told=True)
    serve(log, ONE_BY_ONE + 1)
    assert log.may_tell()


def test_the_loop_names_those_that_were_not_told_though_no_more_come(log, loop, events):
    for number in range(100):
        log.note_opened(f"client-{number}")
        log.note_closed(f"client-{number}", 0.25, OUTCOME)
    assert not events
    assert loop.wait_until(lambda: events, 10)
    assert {event.name for event in events} == {"served many"}
    assert [name for event in events for name in event.data["clients"]] == [f"client-{n}" for n in range(100)]
    assert sum(event.data["count"] for event in events) == 100
    assert all(event.data["ms"] == 250 and event.data["reasons"] for event in events)


def test_who_stays_is_named_once_and_its_end_is_told(log, loop, events):
    for client in ("client-0", "client-1", "client-2"):
        log.note_opened(client)
    log.discard("client-1")
    log.note_closed("client-2", 0.25, OUTCOME)
    assert loop.wait_until(lambda: len(events) == 2, 10)
    log.note_closed("client-0", 0.5, OUTCOME)
    assert loop.wait_until(lambda: len(events) == 3, 10)
    log.flush()
    told = [(event.name, event.data["client"]) for event in events]
    assert told == [("served", "client-2"), ("serve", "client-0"), ("served", "client-0")]
