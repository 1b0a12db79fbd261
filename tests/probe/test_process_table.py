"""The table of processes: costs, and per cent of each state, from the events of kind `state`."""

import os

import pytest

from procdemo.demo.events import Event
from procdemo.probe.process_table import ProcessTable
from procdemo.process import procfs

NO_PROCESS = 2**31 - 1
MS = 1_000_000


def state(at_ms, name, cpu=0.0, ready=0.0, *, pid=NO_PROCESS, tid=None, ppid=42, role="worker-0", **data):
    data = {"call": "", "cpu_ms": cpu, "ready_ms": ready, "thread": "MainThread", "ppid": ppid, **data}
    return Event("state", name, data, at_ms * MS, pid, tid or pid, role)


def rows(*events):
    table = ProcessTable()
    table.note(events)
    return table.rows()


def test_costs_are_of_all_threads_and_shares_are_of_the_main_thread():
    (row,) = rows(
        state(0, "waiting"),
        state(0, "computing", tid=7),
        state(60, "sleeping", cpu=10, also_ms={"blocked": 20}),
        state(80, "blocked", cpu=80, ready=3, tid=7),
        state(100, "gone", ready=10),
        state(100, "gone", cpu=1, tid=7),
    )
    assert row == {
        "role": "worker-0",
        "pid": NO_PROCESS,
        "parent": 42,
        "cpu_ms": 91.0,
        "ready_ms": 13.0,
        "computing": 10,
        "ready": 10,
        "sleeping": 30,
        "waiting": 30,
        "blocked": 20,
    }


def test_a_process_has_one_row_and_its_last_role():
    events = state(0, "waiting", role="child 7"), state(9, "gone"), state(9, "gone", tid=7), state(10, "gone")
    assert [row["role"] for row in rows(*events)] == ["worker-0"]


def test_an_orphan_keeps_its_parent():
    assert rows(state(0, "waiting"), state(9, "waiting", ppid=1))[0]["parent"] == 42


def test_a_number_that_is_used_again_is_another_process():
    again = state(20, "waiting", role="worker-1"), state(30, "gone", role="worker-1")
    assert [row["role"] for row in rows(state(0, "waiting"), state(9, "gone"), *again)] == [
        "worker-0",
        "worker-1",
    ]


def test_of_one_that_lived_for_an_instant_only_the_name_is_known():
    assert rows(state(5, "gone", looks=0)) == [{"role": "worker-0", "pid": NO_PROCESS, "parent": 42}]


@pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")
def test_switches_and_memory_are_those_of_the_kernel():
    def status(field):
        lines = procfs.read("/proc/self/status").decode().splitlines()
        return int(next(line for line in lines if line.startswith(field)).split()[1])

    fields = {"voluntary": "voluntary", "involuntary": "nonvoluntary", "peak_kib": "VmHWM"}
    before = {column: status(field) for column, field in fields.items()}
    (row,) = rows(state(0, "waiting", pid=os.getpid()), state(1000, "waiting", pid=os.getpid()))
    for column, field in fields.items():
        assert before[column] <= row[column] <= status(field)


def test_of_a_server_that_runs_for_months_the_last_processes_are_kept():
    lives = [(state(n, "waiting", pid=n), state(n + 1, "gone", pid=n)) for n in range(1, 3000)]
    for_ever = state(0, "waiting", pid=NO_PROCESS, role="main")
    kept = rows(for_ever, *(event for life in lives for event in life))
    assert len(kept) == 1000
    assert [row["pid"] for row in kept] == [NO_PROCESS, *range(2001, 3000)]
