"""The access log: each client is reported once, one by one while a person could read it, else in batches."""

import math

from hypothesis import given
from hypothesis import strategies as st

from procdemo.demo.events import Emitter, Event
from procdemo.servers.access_log import BATCH_S, AccessLog

OUTCOME = ("client left", 5)


class Events(list):
    """The events that were reported."""

    def __call__(self, record):
        self.append(Event._make(record))

    def names(self, event, kind="mark"):
        found = [each.data for each in self if (each.name, each.kind) == (event, kind)]
        return [name for data in found for name in data.get("clients", [data.get("client")])]


def test_a_worker_that_serves_one_at_a_time_reports_a_few_clients_at_once_as_bars():
    events, notes = Events(), []
    log = AccessLog(Emitter(events), notes.append)
    log.flush(0.0)
    log.note_opened("a")
    assert events.names("serve", "begin") == ["a"]
    assert notes == ["a"]
    log.note_closed("a", 0.25, OUTCOME)
    told = events[1].data
    assert (told["client"], told["bytes"], told["ms"], told["reason"]) == ("a", 5, 250.0, "client left")
    assert [event.kind for event in events] == ["begin", "mark", "end"]
    assert notes == ["a", ""]


def test_in_an_event_loop_clients_are_marks():
    events = Events()
    log = AccessLog(Emitter(events))
    log.note_opened("a")
    log.note_opened("b")
    log.note_closed("a", 0.1, OUTCOME)
    assert [(event.kind, event.name) for event in events] == [
        ("mark", "serve"),
        ("mark", "serve"),
        ("mark", "served"),
    ]


def test_many_clients_are_reported_in_batches_and_short_ones_once():
    events = Events()
    log = AccessLog(Emitter(events))
    log.flush(0.0)
    for number in range(300):
        log.note_opened(f"client-{number}")
        log.note_closed(f"client-{number}", 0.001, OUTCOME)
    one_by_one = len(events)
    log.flush(BATCH_S)
    assert len(events) - one_by_one <= 5, "a few batches"
    served = events.names("served") + events.names("served many")
    assert sorted(served) == sorted(f"client-{number}" for number in range(300))
    assert not events.names("serve many"), "a client that was closed need not be reported as opened"
    batches = [event.data for event in events if event.name == "served many"]
    assert all(batch["reasons"] == {"client left": batch["count"]} for batch in batches)
    assert all(batch["bytes"] == 5 * batch["count"] for batch in batches)


def test_after_many_clients_a_few_are_reported_one_by_one_again():
    events = Events()
    log = AccessLog(Emitter(events))
    now = 0.0
    log.flush(now)
    for _ in range(3):
        for number in range(100):
            log.note_opened(f"client-{number}")
            log.note_closed(f"client-{number}", 0.001, OUTCOME)
        now += BATCH_S
        log.flush(now)
    now += BATCH_S
    log.flush(now)  # no client was opened meanwhile
    log.flush(now + BATCH_S)
    events.clear()
    log.note_opened("at last")
    assert events.names("serve") == ["at last"]


def test_what_is_not_reported_yet_is_reported_at_the_end():
    events = Events()
    log = AccessLog(Emitter(events))
    for number in range(100):
        log.note_opened(f"client-{number}")
    log.close()
    assert len(events.names("serve") + events.names("serve many")) == 100


@given(st.lists(st.sampled_from(["opened", "closed", "flush", "wait"]), max_size=400))
def test_whatever_happens_each_client_is_reported_once_and_not_closed_before_it_is_opened(steps):
    events = Events()
    log = AccessLog(Emitter(events))
    here, gone, number, now = [], [], 0, 0.0
    for step in steps:
        if step == "opened":
            number += 1
            here.append(f"c{number}")
            log.note_opened(here[-1])
        elif step == "closed" and here:
            gone.append(here.pop(0))
            log.note_closed(gone[-1], 0.001, OUTCOME)
        elif step == "flush":
            now += BATCH_S
            log.flush(now)
        elif step == "wait":
            now += 10 * BATCH_S
    log.close()
    assert sorted(events.names("served") + events.names("served many")) == sorted(gone)
    told = events.names("serve") + events.names("serve many")
    assert len(told) == len(set(told))
    assert set(here) <= set(told), "a client that stays is reported as opened"
    assert log.flush_at == math.inf
