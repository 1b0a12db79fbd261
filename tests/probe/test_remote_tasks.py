"""Which asyncio task waits, and where: nothing wakes it."""

import os
import sys

from hanging import probed_version
from xrayed import Xrayed

from procdemo.probe import remote_tasks, wait_ends
from procdemo.probe.remote_tasks import Task
from procdemo.probe.stack_dumps import Frame

SOURCE = """
import asyncio
async def read(event):
    await event.wait()  # there

async def main():
    async with asyncio.TaskGroup() as group:
        for name in ("reader", "writer"): group.create_task(read(asyncio.Event()), name=name)
asyncio.run(main())
"""
IN_LOOP = [
    Frame("/usr/lib/python3.14/selectors.py", 452, "select"),
    Frame("/usr/lib/python3.14/asyncio/base_events.py", 2012, "_run_once"),
]


def test_what_nothing_wakes_is_named(tmp_path):
    """Only by a Python from 3.14 on, of the same version; otherwise it is not known."""
    version = probed_version()
    known = version >= (3, 14) and sys.version_info[:2] == version
    with Xrayed(tmp_path, SOURCE) as program:
        verdict = program.wait_verdict("stuck", "an event, as an event loop")
        tasks = verdict.context.snapshot.processes[program.pid].tasks
        if not known:
            assert tasks is None
            assert "task reader" not in verdict.answer
            return
        line = (tmp_path / "script.py").read_text().splitlines().index("    await event.wait()  # there") + 1
        assert {task.name for task in tasks[program.pid]} == {"reader", "writer"}, "main waits for these"
        for name in ("reader", "writer"):
            assert f"task {name} at script.py:{line}" in verdict.answer


def test_only_the_first_tasks_are_told(tmp_path):
    with Xrayed(tmp_path, SOURCE) as program:
        verdict = program.wait_verdict("stuck")
    process = verdict.context.snapshot.processes[program.pid]
    main = process.threads[program.pid]
    stack = [Frame(f"{os.__file__}", 1, "wait"), Frame("/home/me/bank.py", 7, "read")]
    tasks = [Task(f"Task-{number}", stack if number else []) for number in range(9)]

    def told(tasks):
        return wait_ends._tasks(process._replace(tasks=tasks), main)

    assert (
        told({main.tid: tasks})
        == " of task Task-0, task Task-1 at bank.py:7, task Task-2 at bank.py:7 and 6 more tasks"
    )
    assert told({}) == told(None) == ""


def test_an_event_loop_at_rest_is_known_by_its_stack():
    assert remote_tasks.is_idle_loop(IN_LOOP)
    assert not remote_tasks.is_idle_loop([Frame("bank.py", 1, "work"), *IN_LOOP[1:]])
    assert not remote_tasks.is_idle_loop(IN_LOOP[:1])


def test_what_is_gone_has_no_tasks():
    assert remote_tasks.read(2**22 + 1) is None
