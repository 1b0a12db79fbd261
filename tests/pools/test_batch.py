"""Every item has one fate, whatever happens, in whatever order."""

from collections import Counter

import pytest
from batches import numbers
from hypothesis import given
from hypothesis import strategies as st

from procdemo.demo.events import Emitter
from procdemo.pools.batch import Batch


def new_batch(items, tries=3):
    """Return a batch, and the events that it reports."""
    records = []
    return Batch(items, tries, Emitter(records.append)), records


def named(records, name):
    return [data for _, event, data, *_ in records if event == name]


def test_an_item_fails_when_it_has_cost_three_workers_their_lives():
    items, records = new_batch(2)
    for attempt in (2, 3):
        assert items.waiting.popleft() in {0, 1}
        items.retry_or_fail(0, "killed by SIGKILL", ran=True)
        assert named(records, "again")[-1] == {"item": 0, "attempt": attempt, "tries": 3}
    items.retry_or_fail(0, "killed by SIGKILL", ran=True)
    assert named(records, "failed") == [
        {"item": 0, "reason": "its worker died, killed by SIGKILL, and 2 before it"}
    ]
    assert items.open == 1


def test_an_item_to_be_tried_again_waits_behind_the_others():
    items, _ = new_batch(3)
    items.retry_or_fail(items.waiting.popleft(), "exit status 1", ran=True)
    assert list(items.waiting) == [1, 2, 0]


def test_a_death_before_it_ran_is_not_held_against_it():
    items, records = new_batch(1, tries=1)
    for _ in range(5):
        items.retry_or_fail(items.waiting.popleft(), "killed by SIGKILL", ran=False)
    assert items.open == 1
    assert {told["attempt"] for told in named(records, "again")} == {1}


def test_nothing_is_settled_twice():
    items, _ = new_batch(1)
    items.complete(0)
    with pytest.raises(KeyError):
        items.complete(0)


def test_an_item_that_is_not_done_is_named_with_the_reason():
    items, records = new_batch(6)
    items.complete(0)
    items.fail(1, "ValueError: no")
    items.fail(2, "ValueError: no")
    account = items.account({3: "in the hands of worker-0 (PID 7)"})
    assert named(records, "not done") == [
        {"items": "1-2", "fate": "failed: ValueError: no"},
        {"items": "3", "fate": "in the hands of worker-0 (PID 7)"},
        {"items": "4-5", "fate": "waits to be done"},
    ]
    answer = "5 of 6 items are not done: 3 lost, 2 failed."
    counts = {"produced": 6, "done": 1, "failed": 2, "lost": 3, "retried": 0}
    assert account == {"ok": False, **counts, "answer": answer}


def test_what_is_open_when_the_run_is_interrupted_is_unfinished_and_not_lost():
    items, _ = new_batch(6, 3)
    items.complete(items.waiting.popleft())
    items.fail(items.waiting.popleft(), "ValueError: no")
    account = items.account({}, interrupted=True)
    fates = {"produced": 6, "done": 1, "failed": 1, "lost": 0, "retried": 0, "unfinished": 4}
    reason = "interrupted: 1 of 6 done, 1 failed"
    assert account == {"ok": False, "outcome": "interrupted", "reason": reason, **fates}


def test_an_interruption_after_the_last_item_changes_nothing():
    items, _ = new_batch(1, 3)
    items.complete(items.waiting.popleft())
    assert items.account({}, interrupted=True) == items.account({})
    assert items.account({})["ok"]


DEEDS = st.lists(st.tuples(st.sampled_from(["done", "error", "died", "unread"]), st.integers(0, 20)))


@given(st.integers(1, 20), st.integers(1, 4), DEEDS)
def test_whatever_happens_each_item_is_done_or_named_once(count, tries, deeds):
    items, records = new_batch(count, tries)
    given_out = Counter()
    for deed, _ in deeds:
        if not items.waiting:
            break
        item = items.waiting.popleft()
        given_out[item] += deed == "died"
        match deed:
            case "done":
                items.complete(item)
            case "error":
                items.fail(item, "E: x")
            case _:
                items.retry_or_fail(item, "killed", ran=deed == "died")
    account = items.account({})
    assert account["produced"] == count == account["done"] + account["failed"] + account["lost"]
    missing = [item for row in named(records, "not done") for item in numbers(row["items"])]
    done = [told["item"] for told in named(records, "done")]
    assert sorted(missing + done) == list(range(count))
    assert all(times <= tries for times in given_out.values())
    assert account["ok"] is (account["done"] == count)
