"""The asyncio tasks of another process that wait for something other than a task (Python 3.14 and later).

CPython keeps a list of all tasks for ``python -m asyncio ps PID``, and reads it with its private module
``_remote_debugging``: without stopping the process, in a millisecond, and only if both are of the same
version. It was tried with 3.14.10 and 3.15.2.
"""

from importlib import import_module
from typing import Any, NamedTuple

from procdemo.probe.remote_stacks import FAILS, stack_of
from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process import procfs


class Task(NamedTuple):
    """A task that waits."""

    name: str
    stack: Stack
    """The innermost frame first."""


def is_idle_loop(stack: Stack) -> bool:
    """Return whether this is the stack of an event loop that waits for an event."""
    looping = any(frame.function == "_run_once" and frame.file == "asyncio/base_events.py" for frame in stack)
    return looping and any(_is_select(frame) for frame in stack[:2])


def _is_select(frame: Frame) -> bool:
    return frame.file.endswith("/selectors.py")


def read(pid: int) -> dict[int, list[Task]] | None:
    """Return the tasks of each thread (TID) that wait, but for no other task; None if they cannot be read."""
    try:
        unwinder = import_module("_remote_debugging").RemoteUnwinder(pid)
        numbers = procfs.own_numbers(pid)
        return {
            numbers.get(each.thread_id, each.thread_id): _leaves(each.awaited_by)
            for each in unwinder.get_all_awaited_by()
            if each.thread_id
        }
    except FAILS:
        return None


def _leaves(tasks: list[Any]) -> list[Task]:
    waiting = {waiter.task_name for task in tasks for waiter in task.awaited_by}  # its number, in fact
    return [
        Task(
            str(task.task_name),
            [frame for part in task.coroutine_stack for frame in stack_of(part.call_stack)],
        )
        for task in tasks
        if task.task_id not in waiting
    ]
