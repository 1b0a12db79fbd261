"""The clients of a crowd: a few are told one by one by others, all others are named in batches."""

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
def log(events, loop):
    return CrowdLog(Emitter(lambda record: events.append(Event._make(record))), loop)


def told(log, clients, seconds=0.0):
    """Return how many of so many clients, who come after so many seconds, may be told."""
    return sum(log.may_tell(100 + seconds) for _ in range(clients))


def test_a_few_are_told(log):
    assert told(log, ONE_BY_ONE) == ONE_BY_ONE
    assert told(log, 100) == 0


def test_while_they_come_so_fast_none_is_told(log):
    told(log, ONE_BY_ONE + 1)
    for turn in (1, 2, 3):
        assert told(log, ONE_BY_ONE + 1, turn * BATCH_S) == 0


def test_after_half_a_second_with_few_they_are_told_again(log):
    told(log, ONE_BY_ONE + 1)
    assert told(log, 3, BATCH_S) == 0
    assert told(log, 3, 2 * BATCH_S) == 3


def test_after_a_pause_they_are_told_again(log):
    told(log, ONE_BY_ONE + 1)
    assert told(log, 3, 3 * BATCH_S) == 3


def test_the_loop_names_those_that_were_not_told_though_no_more_come(log, loop, events):
    for number in range(100):
        log.note_served((f"client-{number}", 0.25, OUTCOME))
    assert not events
    assert loop.wait_until(lambda: events, 10)
    assert {event.name for event in events} == {"served many"}
    assert [name for event in events for name in event.data["clients"]] == [f"client-{n}" for n in range(100)]
    assert sum(event.data["count"] for event in events) == 100
    assert all(event.data["ms"] == 250 and event.data["reasons"] for event in events)


def test_each_is_named_once(log, loop, events):
    log.note_served(("client-0", 0.25, OUTCOME))
    log.flush()
    log.note_served(("client-1", 0.25, OUTCOME))
    assert loop.wait_until(lambda: len(events) == 2, 10)
    log.flush()
    assert [event.data["clients"] for event in events] == [("client-0",), ("client-1",)]
