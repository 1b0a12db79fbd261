"""The sampler beside a run: its events among those of the demo."""

import importlib
import os
import select
import subprocess
import sys
import time

import pytest
from stages import FORK, events_of, settings, short_story

from procdemo.demo.events import Event, Kind
from procdemo.process import procfs
from procdemo.runtime.runner import Runner
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
        assert of_one[-1].name == "gone"
        assert of_one[-1].role in {role, f"child {pid}"}, "the second if it ended before its event was read"
        assert [event.name for event in of_one].count("gone") == 1
        assert [event.time_ns for event in of_one] == sorted(event.time_ns for event in of_one)
    usage = {event.data["pid"]: event.data["role"] for event in events if event.name == "usage"}
    assert usage.items() >= told.items()


def test_main_is_seen_to_its_end():
    read, write = os.pipe()

    def lets_go_and_lives_on(config, emit):
        """Close all pipes, as the kernel does at the end of a process, an instant before it is a zombie."""
        os.read(read, 1)
        emit.result("summary", ok=True)
        os.closerange(0, 1000)
        select.select([], [], [], 0.2)

    states = []
    with Runner(lets_go_and_lives_on, FORK, sample=True) as runner:
        for event in runner:
            if event.kind == Kind.STATE:
                states.append(event)
                os.write(write, b"you are seen")
    assert (states[-1].role, states[-1].name) == ("main", "gone")
    os.close(read)
    os.close(write)


def test_without_the_option_nothing_is_looked_at():
    assert not [event for event in events_of(short_story) if event.kind == Kind.STATE]


def test_it_looks_also_while_modules_are_imported(tmp_path, monkeypatch):
    (tmp_path / "imported_meanwhile.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with Runner(short_story, FORK, sample=True) as runner:
        with runner.while_importing():
            importlib.import_module("imported_meanwhile")
        imported_ns, before = time.monotonic_ns(), list(sys.meta_path)
        first = next(event for event in runner if event.kind == Kind.STATE)
        list(runner)
    assert first.role == "main"
    assert runner.started_ns <= first.time_ns < imported_ns
    assert sys.meta_path == before


def flood(config, emit):
    while True:
        emit.mark("drop")


def test_it_looks_also_while_events_flood_in():
    dropped, told_meanwhile = 0, []
    with Runner(flood, FORK, sample=True, limit=60) as runner:
        for event in runner:
            if event.name == "drop":
                dropped += 1
            elif event.kind == Kind.STATE and dropped > 1000 and len(told_meanwhile) < 2:
                told_meanwhile.append(event)  # the second comes after a second in which main did the same
                if len(told_meanwhile) == 2:
                    runner.stop()
        assert not runner.timed_out
    assert {event.role for event in told_meanwhile} == {"main"}


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


def test_a_process_that_was_seen_before_its_first_event_came_has_the_role_of_the_event(sampling):
    data = {"call": "", "cpu_ms": 0.0, "ready_ms": 0.0, "thread": "MainThread", "ppid": 0}
    sampling._seen.append(Event("state", "gone", data, 1, NO_PROCESS - 1, NO_PROCESS - 1, "child 4711"))
    sampling.note([record(NO_PROCESS - 1, "worker-3")])
    state, *_, usage = sampling.last()
    assert (state.role, usage.data["role"]) == ("worker-3", "worker-3")


def test_a_process_on_another_host_is_not_looked_for(sampling):
    sampling.note([record(NO_PROCESS - 1, "worker-3@hostB")])
    assert not sampling.last()


def test_in_a_flood_a_new_process_is_noted(sampling):
    sampling.note([record(NO_PROCESS - 1 - n % 2, f"worker-{n % 2}") for n in range(1000)])
    states = [event for event in sampling.last() if event.kind == Kind.STATE]
    assert sorted(event.role for event in states) == ["worker-0", "worker-1"]


def test_without_proc_one_line_says_so(monkeypatch):
    monkeypatch.setattr(procfs, "LINUX", False)
    sampling = Sampling(NO_PROCESS, NO_PROCESS)
    sampling.poll(select.poll(), 0)
    (line,) = sampling.events()
    assert (line.kind, line.name, line.role) == ("mark", "hidden", "observer")
    assert "/proc" in line.data["text"]
    assert not sampling.last()


FULL = """
import os, resource, select
from procdemo.runtime.sampling import Sampling
poll = select.poll()
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
sampling = Sampling(os.getpid(), 0)
sampling.poll(poll, 0)
print(*(event.data["text"] for event in sampling.events()))
assert not sampling.last()
"""


def test_a_demo_that_has_opened_all_files_it_may_says_why_there_are_no_lanes():
    result = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False)
    assert not result.stderr
    assert result.stdout.startswith("the lanes show what the demo says of itself: [Errno 24] Too many open")
