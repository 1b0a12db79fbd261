"""The scoreboard: one writer a row, no lock, and what a dead worker has written can be read."""

import os
import signal

import pytest
from waiting import wait_until

from procdemo.demo.settings import Settings, StartMethod
from procdemo.process.record_pipe import channel
from procdemo.servers.scoreboard import HEARTBEAT, PRESENT, REFUSED, SERVED, UP, Scoreboard, Slot

WORKERS = 3


@pytest.fixture
def scoreboard():
    return Scoreboard(WORKERS)


@pytest.fixture
def note():
    reader, writer = channel()
    yield writer
    reader.close()
    writer.close()


def test_rows_do_not_touch(scoreboard, note):
    slots = [Slot(scoreboard, row, note) for row in range(WORKERS)]
    for row, slot in enumerate(slots):
        for _ in range(row + 1):
            slot.heartbeat()
            assert slot.acquire(0)
        scoreboard.set_client(row, f"client-{row}")
    slots[2].release()
    assert [scoreboard.get(row, HEARTBEAT) for row in range(WORKERS)] == [1, 2, 3]
    assert [scoreboard.get(row, PRESENT) for row in range(WORKERS)] == [1, 2, 2]
    assert scoreboard.total(PRESENT) == 5
    assert scoreboard.total(SERVED) == 1
    assert [scoreboard.client(row) for row in range(WORKERS)] == ["client-0", "client-1", "client-2"]
    assert not scoreboard.closing


def test_no_more_clients_than_allowed_are_accepted_by_all_workers_together(scoreboard, note):
    slots = [Slot(scoreboard, row, note) for row in range(WORKERS)]
    assert all(slots[number % WORKERS].acquire(5) for number in range(5))
    assert not any(slot.acquire(5) for slot in slots)
    assert (scoreboard.total(PRESENT), scoreboard.total(REFUSED)) == (5, 3)
    slots[0].release()
    assert slots[2].acquire(5)


def test_a_name_that_is_too_long_is_cut_and_a_shorter_one_leaves_nothing_of_it(scoreboard):
    scoreboard.set_client(1, "x" * 1_000)
    assert scoreboard.client(1) == "x" * 64
    assert scoreboard.client(2) == ""
    scoreboard.set_client(1, "y")
    assert scoreboard.client(1) == "y"
    scoreboard.set_client(1, "")
    assert scoreboard.client(1) == ""


def be_a_worker(slot):
    slot.ready()
    slot.scoreboard.set_client(slot.row, "client-2 (port 4711)")
    while slot.acquire(0):
        slot.heartbeat()


def test_it_is_shared_and_what_a_killed_worker_has_written_stays(start_method):
    context = Settings(start_method=StartMethod(start_method)).context()
    scoreboard = Scoreboard(WORKERS)
    reader, writer = channel()
    process = context.Process(target=be_a_worker, args=(Slot(scoreboard, 1, writer),))
    process.start()
    assert reader.read() == [("ready", 1)]
    wait_until(lambda: scoreboard.get(1, HEARTBEAT) > 100)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()
    assert scoreboard.get(1, UP) == 1
    assert scoreboard.client(1) == "client-2 (port 4711)"
    present = scoreboard.get(1, PRESENT)
    assert scoreboard.vacate(1) == present > 100
    assert scoreboard.total(PRESENT) == scoreboard.total(UP) == 0
    reader.close()
    writer.close()


def test_closing_is_seen_by_all(scoreboard):
    scoreboard.close()
    assert scoreboard.closing
