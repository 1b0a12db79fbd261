"""The states of all items survive the process that wrote them."""

import multiprocessing
import os
import signal

from hypothesis import given
from hypothesis import strategies as st

from procdemo.pools.item_states import ItemState, ItemStates, ranges


def take_then_die(states, items, holder):
    states.take(items, holder)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_had_in_hand_is_known(start_method):
    context = multiprocessing.get_context(start_method)
    states = ItemStates(context, 10)
    states.note(range(6), ItemState.QUEUED)
    worker = context.Process(target=take_then_die, args=(states, [2, 5], 7))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    worker.close()
    assert states.by_holder(ItemState.TAKEN) == {7: [2, 5]}
    assert states.find(ItemState.QUEUED) == [0, 1, 3, 4]
    assert states.find(ItemState.UNMADE) == [6, 7, 8, 9]
    assert [states.count(state) for state in ItemState] == [4, 4, 2, 0, 0]


def test_the_process_that_did_an_item_is_the_one_that_took_it():
    states = ItemStates(multiprocessing.get_context("fork"), 4)
    states.take([1, 3], 300)
    states.note([3], ItemState.DONE)
    assert states.by_holder(ItemState.DONE) == {300: [3]}
    assert states.by_holder(ItemState.TAKEN) == {300: [1]}
    assert states.items == 4


def test_two_snapshots_differ_when_something_moved():
    states = ItemStates(multiprocessing.get_context("fork"), 3)
    before = states.snapshot()
    assert states.snapshot() == before
    states.note([1], ItemState.QUEUED)
    assert states.snapshot() != before


@given(st.sets(st.integers(0, 300)))
def test_ranges_say_the_same_in_short(numbers):
    text = ranges(sorted(numbers))
    parts = [part.split("-") for part in text.split(", ") if part]
    assert {n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)} == numbers
    assert len(parts) == sum(n - 1 not in numbers for n in numbers)
