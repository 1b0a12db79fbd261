"""The roster: one writer a row, no lock, and a dead worker's word still stands."""

import os
import signal

import pytest
from waiting import wait_until

from procdemo.demo.settings import Settings, StartMethod
from procdemo.process.record_pipe import channel
from procdemo.servers.scoreboard import PRESENT, PULSE, REFUSED, SERVED, UP, Scoreboard, Slot

WORKERS = 3


@pytest.fixture
def roster():
    return Scoreboard(WORKERS)


@pytest.fixture
def note():
    reader, writer = channel()
    yield writer
    reader.close()
    writer.close()


def test_rows_do_not_touch(roster, note):
    seats = [Slot(roster, row, note) for row in range(WORKERS)]
    for row, seat in enumerate(seats):
        for _ in range(row + 1):
            seat.beat()
            assert seat.take(0)
        roster.name(row, f"client-{row}")
    seats[2].let_go()
    assert [roster.get(row, PULSE) for row in range(WORKERS)] == [1, 2, 3]
    assert [roster.get(row, PRESENT) for row in range(WORKERS)] == [1, 2, 2]
    assert roster.total(PRESENT) == 5
    assert roster.total(SERVED) == 1
    assert [roster.client(row) for row in range(WORKERS)] == ["client-0", "client-1", "client-2"]
    assert not roster.closing


def test_no_more_than_may_be_here_are_taken_wherever_they_are(roster, note):
    seats = [Slot(roster, row, note) for row in range(WORKERS)]
    assert all(seats[number % WORKERS].take(5) for number in range(5))
    assert not any(seat.take(5) for seat in seats)
    assert (roster.total(PRESENT), roster.total(REFUSED)) == (5, 3)
    seats[0].let_go()
    assert seats[2].take(5)


def test_a_name_that_is_too_long_is_cut_and_a_shorter_one_leaves_nothing_of_it(roster):
    roster.name(1, "x" * 1_000)
    assert roster.client(1) == "x" * 64
    assert roster.client(2) == ""
    roster.name(1, "y")
    assert roster.client(1) == "y"
    roster.name(1, "")
    assert roster.client(1) == ""


def be_a_worker(seat):
    seat.hello()
    seat.roster.name(seat.row, "127.0.0.1:4711")
    while seat.take(0):
        seat.beat()


def test_it_is_shared_and_what_a_killed_worker_said_stays(start_method):
    context = Settings(start_method=StartMethod(start_method)).context()
    roster = Scoreboard(WORKERS)
    reader, writer = channel()
    process = context.Process(target=be_a_worker, args=(Slot(roster, 1, writer),))
    process.start()
    assert reader.read() == [("hello", 1)]
    wait_until(lambda: roster.get(1, PULSE) > 100)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()
    assert roster.get(1, UP) == 1
    assert roster.client(1) == "127.0.0.1:4711"
    present = roster.get(1, PRESENT)
    assert roster.vacate(1) == present > 100
    assert roster.total(PRESENT) == roster.total(UP) == 0
    reader.close()
    writer.close()


def test_closing_is_seen_by_all(roster):
    roster.close()
    assert roster.closing
