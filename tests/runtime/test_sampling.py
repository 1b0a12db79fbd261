"""The sampler beside a run: its events among those of the demo."""

import os
import select
import time

import pytest
from stages import FORK, events_of, settings, short_story

from procdemo.demo.events import Kind
from procdemo.process import procfs
from procdemo.runtime.sampling import Sampling

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")
NO_PROCESS = 2**31 - 1


def sampled(run, config=FORK):
    events = events_of(run, config, sample=True)
    return events, [event for event in events if event.kind == Kind.STATE]


@pytest.mark.core
def test_each_process_is_seen_from_its_start_to_its_end(start_method):
    events, states = sampled(short_story, settings(start_method))
    assert (events[-1].kind, events[-1].name) == ("result", "summary")
    told = {event.pid: event.role for event in events if event.kind == Kind.MARK}
    assert len(told) == 4
    for pid, role in told.items():
        of_one = [event for event in states if event.pid == pid and event.tid == pid]
        assert (of_one[-1].name, of_one[-1].role) == ("gone", role)
        assert [event.name for event in of_one].count("gone") == 1
        assert [event.time_ns for event in of_one] == sorted(event.time_ns for event in of_one)


def test_without_the_option_nothing_is_looked_at():
    assert not [event for event in events_of(short_story) if event.kind == Kind.STATE]


def flood(config, emit):
    count, end = 0, time.monotonic() + 1.5  # longer than a state lasts without being told again
    while time.monotonic() < end:
        emit.mark("drop")
        count += 1
    emit.result("summary", ok=True, count=count)


def test_it_looks_also_while_events_flood_in():
    events, states = sampled(flood)
    first, last = (
        next(place for place, event in order if event.name == "drop")
        for order in (enumerate(events), reversed(list(enumerate(events))))
    )
    assert sum(event.name == "drop" for event in events) == events[-1].data["count"]
    assert any(event.kind == Kind.STATE for event in events[first:last])
    main = next(event for event in states if event.name == "gone" and event.role == "main")
    assert main.data["looks"] > 5


def end_at_once(config, emit):
    os._exit(0)


def test_of_a_demo_that_ends_at_once_it_says_so_too():
    _, states = sampled(end_at_once)
    assert [event.name for event in states if event.role == "main"][-1:] in ([], ["gone"])


# --- without a runner


@pytest.fixture
def sampling():
    """Return a sampling that looks at no process."""
    sampling = Sampling(NO_PROCESS, NO_PROCESS)
    sampling.poll(select.poll(), 0)
    yield sampling
    sampling.close()


def record(pid, role):
    return ("mark", "here", {}, 1, pid, pid, role)


def test_a_process_that_lived_shorter_than_a_look_is_gone_with_no_look(sampling):
    sampling.note([record(NO_PROCESS - 1, "worker-3")])
    (gone,) = [event for event in sampling.last() if event.kind == Kind.STATE]
    assert (gone.name, gone.pid, gone.role, gone.data["looks"]) == ("gone", NO_PROCESS - 1, "worker-3", 0)


def test_a_process_on_another_host_is_not_looked_for(sampling):
    sampling.note([record(NO_PROCESS - 1, "worker-3@hostB")])
    assert not sampling.last()


def test_in_a_flood_a_new_process_is_noted(sampling):
    sampling.note([record(NO_PROCESS - 1 - n % 2, f"worker-{n % 2}") for n in range(1000)])
    assert sorted(event.role for event in sampling.last()) == ["worker-0", "worker-1"]


def test_without_proc_one_line_says_so(monkeypatch):
    monkeypatch.setattr(procfs, "LINUX", False)
    sampling = Sampling(NO_PROCESS, NO_PROCESS)
    sampling.poll(select.poll(), 0)
    (line,) = sampling.events()
    assert (line.kind, line.name, line.role) == ("mark", "hidden", "observer")
    assert "/proc" in line.data["text"]
    assert not sampling.last()
