"""The account of one thread: what is made of looks at it."""

import pytest

from procdemo.demo.states import State
from procdemo.probe.thread_account import ThreadAccount

MS = 1_000_000


class Looks:
    """An account that gets looks, and adds up what it reports."""

    def __init__(self, wait, cpu=0, ready=0):
        self.account = ThreadAccount(0, wait, cpu * MS, ready * MS)
        self.now = 0
        self.reports = [self.account.first_report()]

    def look(self, length, wait, cpu=0.0, ready=0.0):
        self.now += length * MS
        self._take(self.account.look(self.now, wait, int(cpu * MS), int(ready * MS)))
        return self

    def rest(self, length):
        self.now += length * MS
        self._take(self.account.unchanged(self.now))
        return self

    def _take(self, report):
        if report:
            self.reports.append(report)

    @property
    def states(self):
        return [(round(report.time_ns / MS), str(report.state)) for report in self.reports]

    def seconds(self, within=0.2):
        """Return the milliseconds of each state, as the events of the reports tell."""
        found = {}
        reports = [*self.reports, self.account.go_on()]
        for before, report in zip([None, *reports], reports, strict=False):
            parts = {"computing": report.cpu_ms, "ready": report.ready_ms}
            for name, ms in [*parts.items(), *report.also_ms.items()]:
                found[name] = found.get(name, 0) + ms
            if before:
                told = sum(parts.values()) + sum(report.also_ms.values())
                rest = (report.time_ns - before.time_ns) / MS - told
                found[str(before.state)] = found.get(str(before.state), 0) + rest
        return {name: pytest.approx(ms, abs=within) for name, ms in found.items() if abs(ms) > 0.2}


def test_a_wait_that_lasts_is_one_state():
    looks = Looks(State.SLEEPING)
    for _ in range(10):
        looks.rest(20)
    assert looks.states == [(0, "sleeping")]
    assert looks.seconds() == {"sleeping": 200}


def test_what_a_thread_has_used_before_the_first_look_is_in_the_first_report():
    first = Looks(State.WAITING, cpu=7, ready=3).reports[0]
    assert (first.cpu_ms, first.ready_ms, first.also_ms) == (7, 3, {})


def test_two_waits_share_the_time_between_two_looks():
    looks = Looks(State.SLEEPING).rest(20).look(20, State.WAITING, cpu=2).rest(20)
    assert looks.states == [(0, "sleeping"), (31, "waiting")]
    assert looks.seconds() == {"sleeping": 29, "computing": 2, "waiting": 29}


def test_a_wait_begins_when_the_cpu_time_ends():
    looks = Looks(None).look(20, None, cpu=20).look(20, State.SLEEPING, cpu=5).rest(20)
    assert looks.states == [(0, "computing"), (25, "sleeping")]
    assert looks.seconds() == {"computing": 25, "sleeping": 35}


def test_computing_begins_so_long_ago_as_it_has_used_a_cpu():
    looks = Looks(State.SLEEPING).rest(20).look(20, None, cpu=14).look(20, None, cpu=20)
    assert looks.states == [(0, "sleeping"), (26, "computing")]
    assert looks.seconds() == {"sleeping": 26, "computing": 34}


def test_little_cpu_time_within_a_wait_does_not_change_the_state_and_is_not_lost():
    looks = Looks(State.WAITING)
    for _ in range(20):
        looks.look(20, State.WAITING, cpu=1, ready=0.5)
    assert {state for _, state in looks.states} == {"waiting"}
    assert 2 <= len(looks.states) <= 4, "one for each 10 ms of CPU and ready time"
    assert looks.seconds() == {"waiting": 370, "computing": 20, "ready": 10}


def test_work_in_bursts_between_sleeps_adds_up():
    looks = Looks(State.SLEEPING)
    for _ in range(20):
        looks.look(20, State.SLEEPING, cpu=15).rest(20)
    assert looks.states[1] == (2, "computing")
    assert looks.seconds() == {"computing": 300, "sleeping": 500}


def test_the_kernel_counts_cpu_time_late_and_nothing_is_cut():
    looks = Looks(None)
    for cpu in [16, 20, 24, 16, 24, 20]:
        looks.look(20, None, cpu=cpu)
    looks.look(20, State.SLEEPING, cpu=10).rest(20)
    assert looks.states == [(0, "computing"), (140, "sleeping")]
    assert looks.seconds() == {"computing": 130, "sleeping": 30}


def test_wanting_a_cpu_without_progress_is_ready_at_once_and_settled_later():
    looks = Looks(None).look(20, None, cpu=20)
    for _ in range(20):
        looks.look(20, None)
    assert looks.states[-1] == (32, "ready"), "the kernel has counted none of it yet"
    looks.look(20, None, cpu=12, ready=408).look(20, None, cpu=20)
    assert looks.states[-1][1] == "computing"
    assert looks.seconds(within=12) == {"computing": 52, "ready": 408}


def test_one_short_look_without_progress_is_not_ready():
    looks = Looks(None).look(20, None, cpu=20).look(8, None).look(12, None, cpu=20)
    assert looks.states == [(0, "computing")]


def test_ready_time_that_comes_late_is_taken_from_the_wait_that_was_seen_instead():
    looks = Looks(State.SLEEPING).rest(20).rest(20).rest(20)  # woken after 10 ms, but that cannot be seen
    looks.look(20, None, cpu=10, ready=60).look(20, State.SLEEPING, cpu=10)
    for _ in range(10):
        looks.rest(20)
    assert looks.states[-1][1] == "sleeping"
    found = looks.seconds(within=12)  # of the kernel's tick
    assert found == {"computing": 20, "ready": 60, "sleeping": 220}


@pytest.mark.parametrize(
    ("cpu", "wait", "now"),
    [(0, State.SLEEPING, "sleeping"), (30, State.SLEEPING, "sleeping"), (500, None, "computing")],
)
def test_a_gap_between_looks_is_not_seen_but_its_cpu_time_is_known(cpu, wait, now):
    looks = Looks(State.WAITING).rest(20)
    looks.now += 2000 * MS
    looks.reports += looks.account.resume(looks.now, wait, cpu * MS, 0)
    looks.look(20, wait, cpu=0 if wait else 20)
    assert looks.states == [(0, "waiting"), (20, "not seen"), (2020, now)]
    known = {"waiting": 20, "not seen": 2000 - cpu} | ({"computing": cpu} if cpu else {})
    assert looks.seconds() == {**known, **({"sleeping": 20} if wait else {"computing": cpu + 20})}


def test_a_state_that_lasts_can_be_told_again():
    looks = Looks(State.BLOCKED).rest(900)
    report = looks.account.go_on()
    assert (report.time_ns, report.state, report.cpu_ms) == (900 * MS, State.BLOCKED, 0)


def test_a_wait_that_turns_out_to_be_another_is_told():
    looks = Looks(State.BLOCKED).rest(20)
    assert looks.account.correct(State.WAITING).state is State.WAITING
    looks.rest(100)
    assert looks.account.state is State.WAITING


def test_a_busy_thread_with_both_shares_below_half_has_the_larger_one():
    looks = Looks(State.SLEEPING).look(20, None, cpu=9, ready=7)
    assert looks.states[-1][1] == "computing"
    looks.look(20, None, cpu=7, ready=13)
    assert looks.states[-1][1] == "ready"
