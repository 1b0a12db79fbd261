"""A thread that has given itself a name is called by it, in the events and in its lane."""

import pytest
from sampled import Sampled

from procdemo.demo.states import State
from procdemo.process import procfs
from procdemo.render.timeline import lanes

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

# As Python 3.14 does it for each of its threads (prctl(2), PR_SET_NAME); in earlier ones they have no names.
NAMED = """
    import sys, threading, time

    def name_and_sleep(name):
        own = f"/proc/self/task/{threading.get_native_id()}/comm"
        if name:
            open(own, "w").write(name)
        else:
            open(own, "w").write(open("/proc/self/comm").read().strip())
        time.sleep(600)

    for name in ("reader", "Thread-2 (handl", ""):
        threading.Thread(target=name_and_sleep, args=(name,), daemon=True).start()
"""
SLEEPS = "    time.sleep(600)\n"
IS_RENAMED = '    sys.stdin.read(1)\n    open("/proc/self/comm", "w").write("bank")\n'


def all_asleep(sampled):
    return sum(state == State.SLEEPING for state in {e.tid: e.name for e in sampled.events}.values()) == 4


def test_a_thread_has_its_own_name_and_others_are_counted():
    with Sampled(NAMED + SLEEPS) as sampled:
        sampled.until(lambda: all_asleep(sampled), "four that sleep")
        told = {event.tid: event.data for event in sampled.events}
        assert [data.get("name") for data in told.values()] == [None, "reader", "Thread-2 (handl", None]
        assert {data["thread"] for data in told.values()} == {
            "MainThread",
            "thread 2",
            "thread 3",
            "thread 4",
        }
        (role,) = {event.role for event in sampled.events}
        drawn = lanes(sampled.events, {}, {role})
        assert [lane.thread for lane in drawn] == ["", "reader", "handl", "thread 4"]


def test_a_process_that_changes_its_own_name_gives_none_to_its_threads():
    with Sampled(NAMED + IS_RENAMED + SLEEPS) as sampled:
        sampled.until(lambda: len({event.tid for event in sampled.events}) == 4)
        sampled.say()
        sampled.until(lambda: all_asleep(sampled), "four that sleep")
        before = len(sampled.events)
        sampled.until(lambda: len({event.tid for event in sampled.events[before:]}) == 4, "four reports more")
        named = {event.data.get("name") for event in sampled.events[before:]}
        assert named == {None, "reader", "Thread-2 (handl"}
