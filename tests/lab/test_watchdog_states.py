"""With ``--states`` a watchdog reports what the script's processes do, until the last of them is gone."""

import sys

import pytest
from watched import WATCHDOG, Watched

from procdemo.demo.events import Event
from procdemo.process import procfs

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

STATES = [*WATCHDOG, "--states"]


def looked_at(script):
    """Return the events of a watchdog by thread, once it has ended."""
    script.finish().assert_clean(0, stderr_lines=0)
    found = {}
    for told in script.report:
        for event in map(Event._make, told.get("states", ())):
            found.setdefault((event.pid, event.tid), []).append(event)
    return found


SLEEPS = "import os, time\nif os.fork() == 0: [time.sleep(0.5) for _ in range(2)]\nelse: os.wait()"
SURVIVES = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\ntime.sleep(0.2)"
DOES_NOT_ANSWER = (
    "import signal, threading\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\nthreading.Event().wait()"
)


@pytest.mark.parametrize(
    ("source", "processes", "states"),
    [
        (SLEEPS, 2, {"sleeping", "blocked"}),
        (SURVIVES, 2, {"sleeping"}),
        (DOES_NOT_ANSWER, 1, {"blocked"}),
    ],
    ids=["ends by itself", "leaves one behind", "hangs, and does not answer"],
)
def test_each_process_is_seen_from_its_beginning_to_its_end(tmp_path, source, processes, states):
    with Watched(tmp_path, source, program=STATES) as script:
        threads = looked_at(script)
        (end,) = [told for told in script.report if "ended" in told]
    assert len({pid for pid, _ in threads}) == processes
    assert all(events[-1].name == "gone" for events in threads.values())
    assert states <= {event.name for events in threads.values() for event in events}
    (root, _), *others = threads
    roles = {event.pid: event.role for events in threads.values() for event in events}
    assert roles == {root: "script.py", **{pid: f"child {pid}" for pid, _ in others}}
    assert end["hung"] == ("nothing had moved for 1 s" if source == DOES_NOT_ANSWER else "")


LATE = """
import sys
from procdemo.lab import watchdog
from procdemo.lab.script_states import ScriptStates
from procdemo.process import procfs

begin = ScriptStates.begin

def begin_late(states, root, role):
    while procfs.stat(root).state != "Z":
        pass
    begin(states, root, role)

ScriptStates.begin = begin_late
sys.argv[1:1] = ["--states"]
watchdog.main()
"""


def test_a_script_that_ended_before_the_first_look_has_a_lane_all_the_same(tmp_path):
    with Watched(tmp_path, "pass", program=[sys.executable, "-c", LATE]) as script:
        ((thread, events),) = looked_at(script).items()
    assert thread == (events[0].pid, events[0].pid)
    assert [event.name for event in events if event.name != "gone"] in ([], ["not seen"])
    assert events[-1].name == "gone"
    assert {event.role for event in events} == {"script.py"}


def test_nothing_is_reported_of_states_if_nothing_was_asked_for(tmp_path):
    with Watched(tmp_path, SLEEPS) as script:
        script.end()
        assert not [told for told in script.report if "states" in told]


ENDLESS = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
os.write(1, b"there\\n")  # in one piece, as print() does not do it here
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["its stdin is closed", "its report is not read"])
def test_it_ends_with_the_caller(tmp_path, how):
    with Watched(tmp_path, ENDLESS, still=60, program=STATES) as script:
        script.wait_said("there")
        if how == "its report is not read":
            script._popen.stdout.close()
        script.stdin.close()
        script.finish(within=3)
        assert not script.result.survivors


HIDDEN = """
import sys
from procdemo.lab import watchdog
from procdemo.probe.sampler import Sampler

Sampler.exact = False
sys.argv[1:1] = ["--states"]
watchdog.main()
"""


def test_what_cannot_be_seen_is_said_once(tmp_path):
    with Watched(tmp_path, "pass", program=[sys.executable, "-c", HIDDEN]) as script:
        script.finish().assert_clean(0, stderr_lines=0)
        assert [told for told in script.report if "hidden" in told] == [
            {"hidden": "the kernel counts no schedstat: CPU time is in steps of 10 ms, ready is not seen"}
        ]


THREADS = """
import threading

one, other, both = threading.Lock(), threading.Lock(), threading.Barrier(2)

def take(first, second):
    with first:
        both.wait()
        with second: pass

threads = [threading.Thread(target=take, args=each) for each in ((one, other), (other, one))]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_a_script_that_hangs_has_a_row_for_each_thread(tmp_path):
    with Watched(tmp_path, THREADS, program=STATES) as script:
        threads = looked_at(script)
        rows = [told["thread"] for told in script.report if "thread" in told]
    assert {(row["pid"], row["tid"]) for row in rows} == threads.keys()
    assert [row["thread"] for row in rows] == ["main thread", "thread 2", "thread 3"]
    assert [row["state"] for row in rows] == ["blocked"] * 3
    assert [(row["line"], row["source"]) for row in rows[1:]] == [(9, "with second: pass")] * 2
    assert {row["role"] for row in rows} == {"main"}
    assert {row["program"] for row in rows} == {"script.py"}
    assert not [told for told in script.report if "circle" in told], "of a threading.Lock no holder is known"
