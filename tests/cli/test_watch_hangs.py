"""`watch` finds that a program hangs, says why, and ends it if that is asked for."""

import re
from dataclasses import replace

import pytest
from hanging import probed_version
from reported_programs import REPORTED, REPORTED_ONCE
from under_watch import UnderWatch
from xray_program import Program
from xray_programs import EVERYWHERE
from xray_programs_of_threads import ONCE
from xrayed import needs_stacks

USUAL = {"two locks", "join before drain"}


def cases(programs, usual=()):
    return [
        pytest.param(each, marks=[] if each.name in usual else pytest.mark.thorough, id=each.name)
        for each in programs
    ]


def check(tmp_path, program, *args):
    needs_stacks()
    program = program.told_by(probed_version())
    if program.verdict == "not known":
        pytest.skip("from Python 3.14 on it is not known who holds the lock: a signal handler could")
    options = ["--still", "1", "--on-hang", "kill"]
    quiet = {"PYTHONWARNINGS": "ignore"}  # a resource tracker says what its dead program has left to it
    with UnderWatch(tmp_path, program.source, *args, watch=options, env=quiet) as watched:
        ended = replace(watched.finish(), temporary=())  # what was killed leaves its temporary folder
        ended.assert_clean(4, stderr_lines=400)
        (picture,) = watched.pictures()
        assert (picture["verdict"], picture["why"]) == (program.verdict, "it hangs")
        assert program.says in picture["answer"]
        summary = watched.summary_seen
        assert (summary["verdict"], summary["hung"], summary["ok"]) == ("killed", program.verdict, False)
        assert picture["answer"] in summary["answer"]
        assert (summary["orphans"], summary["names"]) == ([], [])


@pytest.mark.parametrize("program", cases((*EVERYWHERE, *REPORTED), USUAL))
def test_a_program_that_hangs_is_ended(tmp_path, start_method, program):
    check(tmp_path, program, start_method)


@pytest.mark.parametrize("program", cases((*ONCE, *REPORTED_ONCE)))
def test_a_program_that_hangs_without_multiprocessing_is_ended(tmp_path, program):
    check(tmp_path, program, "fork")


@pytest.mark.thorough
def test_lanes_have_the_names_that_the_program_gives(tmp_path):
    """As soon as a look has seen them."""
    needs_stacks()
    source = """
def wait(lock):
    lock.acquire()

if __name__ == "__main__":
    lock = mp.Lock()
    lock.acquire()
    child = mp.Process(target=wait, args=(lock,), name="consumer-0")
    child.start()
    child.join()
"""
    with UnderWatch(tmp_path, source, "fork", watch=["--still", "0.5", "--on-hang", "kill"]) as watched:
        result = watched.finish()
        assert result.status == 4, result.stderr
        pids = {event.data["pid"] for event in watched.seen if event.name == "thread"}
        (child,) = pids - {watched.program_pid}
        assert f"\nconsumer-0 {child}\n" in result.stderr, "the X-ray"
        assert re.search(rf"^consumer-0 +{child} ", result.stderr, re.MULTILINE), "the lanes"


STOPPED = """
if __name__ == "__main__":
    child = subprocess.Popen(["sleep", "600"])
    child.send_signal(signal.SIGSTOP)
    child.wait()
"""
BESIDE_READLINE = """
import readline
signal.signal(signal.SIGWINCH, lambda *_: None)
mp.Queue().get()
"""
BESIDE_HANDLER = """
import threading
signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
lock = threading.RLock()
thread = threading.Thread(target=lambda: lock.__enter__())
lock.acquire()
thread.start()
thread.join()
"""
MORE = [
    Program("a stopped process", STOPPED, "stuck", "is stopped, and waits for a signal to go on: kill -CONT"),
    Program("a handler for the window's size", BESIDE_READLINE, "stuck", "an item, in get() of a queue"),
    Program(
        "a handler that cannot help",
        BESIDE_HANDLER,
        "deadlock",
        "which main thread holds",
        known_until=(3, 14),
        verdict_then="not known",
    ),
]


@pytest.mark.parametrize("program", cases(MORE, {"a stopped process"}))
def test_more_programs_that_hang_are_ended(tmp_path, program):
    check(tmp_path, program, "fork")
