"""Every event says what happened, when, and in which process."""

import multiprocessing
import os
import threading
import time

import pytest

from procdemo.demo.events import Emitter, Event, Kind, rename_process
from procdemo.process.record_pipe import channel


@pytest.fixture
def heard():
    return []


@pytest.fixture
def emit(heard):
    return Emitter(lambda record: heard.append(Event._make(record)))


@pytest.fixture
def own_name():
    name = multiprocessing.current_process().name
    yield name
    rename_process(name)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.COUNT, Kind.STATE}])
def test_each_kind_has_a_method_of_its_name(kind, emit, heard):
    getattr(emit, kind)("something", answer=42)
    assert (heard[0].kind, heard[0].name, heard[0].data) == (kind, "something", {"answer": 42})


def test_a_count_has_its_value_among_the_data(emit, heard):
    emit.count("pages", 3, total=7)
    assert heard[0].kind == Kind.COUNT
    assert heard[0].data == {"value": 3, "total": 7}


def test_data_may_have_any_name_even_those_of_parameters(emit, heard):
    emit.mark("something", name="x", self="y", kind="z")
    emit.count("something", 1, name="x")
    assert heard[0].data == {"name": "x", "self": "y", "kind": "z"}
    assert heard[1].data == {"value": 1, "name": "x"}


def test_an_event_knows_its_process_and_thread(emit, heard):
    thread = threading.Thread(target=emit.mark, args=("there",))
    emit.mark("here")
    thread.start()
    thread.join()
    here, there = heard
    assert here.pid == there.pid == here.tid == os.getpid()
    assert there.tid == thread.native_id != here.tid
    assert here.role == multiprocessing.current_process().name


def test_time_is_the_monotonic_clock_and_in_order(emit, heard):
    before = time.monotonic_ns()
    for _ in range(100):
        emit.mark("tick")
    times = [event.time_ns for event in heard]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= time.monotonic_ns()


def test_renaming_a_process_renames_its_events(emit, heard, own_name):
    emit.mark("before")
    rename_process("producer-7")
    emit.mark("after")
    assert [event.role for event in heard] == [own_name, "producer-7"]
    assert multiprocessing.current_process().name == "producer-7"


def test_events_after_a_bare_fork_have_the_childs_pid():
    """The identity is cached; a child of `os.fork`, unknown to multiprocessing, must not inherit it."""
    reader, writer = channel()
    emit = Emitter(writer)
    emit.mark("from the parent")
    child = os.fork()
    if child == 0:
        try:
            emit.mark("from the child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    writer.close()
    records = []
    while (batch := reader.read()) is not None:
        records += batch
    reader.close()
    assert [Event._make(record).pid for record in records] == [os.getpid(), child]
