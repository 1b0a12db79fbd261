"""When a closer look is worth its price, and what counts as standing still."""

import time

import pytest
from hanging import Hanging
from healthy_programs import SERVER
from xray_programs import TWO_LOCKS
from xrayed import Xrayed

from procdemo.probe import snapshot, stillness
from procdemo.probe.stillness import Stillness

ONE, TWO = (1, 1), (2, 2)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves on, in seconds."""

    class Clock:
        seconds = 1000.0

    monkeypatch.setattr(time, "monotonic_ns", lambda: int(Clock.seconds * 1e9))
    return Clock


def ns(seconds):
    return int(seconds * 1e9)


def test_a_look_is_wanted_when_a_thread_stands_still_long_enough(clock):
    still = Stillness(5.0)
    still.note({ONE: ns(1000)})
    assert not still.wants_look()
    clock.seconds = 1004.9
    still.note({ONE: ns(1000)})
    assert not still.wants_look()
    clock.seconds = 1005
    still.note({ONE: ns(1000)})
    assert still.wants_look()
    still.begin_look()
    assert not still.wants_look(), "the same threads stand still"
    for pause in (5, 10, 20):
        clock.seconds += pause - 0.1
        assert not still.wants_look(), "not yet again"
        clock.seconds += 0.1
        assert still.wants_look(), "perhaps the last look was in the wrong moment"
        still.begin_look()
    still.note({ONE: ns(1000), TWO: ns(1000)})
    assert still.wants_look(), "one more does"


def test_a_thread_that_had_a_turn_is_another_case(clock):
    still = Stillness(5.0)
    clock.seconds = 1010
    still.note({ONE: ns(1000), TWO: ns(1000)})
    still.begin_look()
    assert still.same([ONE, TWO])
    still.note({ONE: ns(1009), TWO: ns(1000)})
    assert not still.same([ONE])
    assert still.same([TWO])
    assert not still.wants_look()
    clock.seconds = 1015
    still.note({ONE: ns(1009), TWO: ns(1000)})
    assert still.wants_look(), "it stands still again"
    assert not still.same([ONE]), "but it did not all the time"


def test_what_was_before_a_pause_does_not_count(clock):
    still = Stillness(5.0)
    clock.seconds = 1100
    still.begin_anew()
    still.note({ONE: ns(1000)})
    assert not still.wants_look()
    clock.seconds = 1105
    still.note({ONE: ns(1000)})
    assert still.wants_look()


def test_looks_cost_at_most_a_share_of_a_cpu(clock):
    """A look of 0.3 s each second would take 180 s of 600; there is time for 17 s and one at the start."""
    still, looks, cost = Stillness(1.0), 0, 0.3
    for second in range(600):
        clock.seconds = 1002.0 + second
        still.note({(1, second): ns(clock.seconds - 1.5)})
        if still.wants_look():
            still.begin_look()
            still.paid(cost)
            looks += 1
    assert 30 < looks <= 1 + (600 * 0.028 + 1) / cost + 1


def test_what_else_watching_costs_leaves_less_for_looks(clock, monkeypatch):
    """If the sampler takes 2.7 % of a CPU, there are 0.1 % left."""
    start = time.process_time()
    monkeypatch.setattr(time, "process_time", lambda: start + 0.027 * (clock.seconds - 1000))
    still, looks = Stillness(1.0), 0
    for second in range(600):
        clock.seconds = 1002.0 + second
        still.note({(1, second): ns(clock.seconds - 1.5)})
        if still.wants_look():
            still.begin_look()
            still.paid(0.3)
            looks += 1
    assert looks <= 1 + (600 * 0.001 + 1) / 0.3 + 1


def test_waiting_for_children_that_have_turns_is_worth_no_look(clock):
    child, grandchild = (2, 2), (3, 3)
    still = Stillness(5.0)
    clock.seconds = 1010
    old, new = ns(1000), ns(1009)

    def wants(idle_since):
        still.note({ONE: old, **idle_since}, {ONE: [child], child: [grandchild]})
        return still.wants_look()

    assert not wants({child: new, grandchild: new})
    assert not wants({child: old, grandchild: new}), "the last of the chain has them"
    assert wants({child: old, grandchild: old})
    assert wants({child: old, (2, 7): old, grandchild: new}), "another thread of the child stands still"
    still.note({ONE: old}, {ONE: []})
    assert still.wants_look(), "no child of it is seen"


def test_only_what_stood_still_counts(tmp_path):
    """A picture of two locks is no deadlock if one of the threads had a turn a moment ago."""
    with Xrayed(tmp_path, TWO_LOCKS.replace("KIND", "Lock")) as program:
        verdict = program.wait_verdict("deadlock")
        picture = snapshot.take(program.pid, search_s=60.0)
        nodes = [(pid, pid) for pid in program.family]

        def judged(moved):
            still = Stillness(0.0)
            still.note(dict.fromkeys(nodes, 0))
            still.begin_look()
            still.note({node: int(node == moved) for node in nodes})
            return still.judge(picture)

        assert judged(None).name == "deadlock"
        assert stillness.hangs(judged(None))
        assert stillness.reason(verdict) == list(verdict.circle)
        for node in verdict.circle:
            assert not stillness.hangs(judged(node))
        assert stillness.hangs(judged(nodes[0])), "main is not in the circle"


def test_a_stopped_process_hangs_a_program_but_not_a_debugged_one(tmp_path):
    with Hanging(tmp_path, SERVER) as program:
        program.wait_for(lambda: "ready" in program.said)
        picture = snapshot.take(program.pid)
        verdict = stillness.hang.judge(picture)._replace(name="stuck")
        waits = {
            node: wait._replace(state="stopped", outside="", still=True)
            for node, wait in verdict.waits.items()
        }
        verdict = verdict._replace(waits=waits, caught=())
        assert stillness.hangs(verdict)
        process = picture.processes[program.pid]
        process.threads[program.pid] = process.threads[program.pid]._replace(state="t")
        assert not stillness.hangs(verdict)
