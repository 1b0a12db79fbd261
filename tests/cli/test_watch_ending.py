"""The end of `watch`, and of what it watches: it kills nothing unless told to, and then leaves nothing."""

import os
import re
import signal
import subprocess
import time
from dataclasses import replace

from hanging import PYTHON
from harness import run
from under_watch import UnderWatch
from waiting import wait_until
from xray_programs import TWO_LOCKS
from xrayed import needs_stacks

from procdemo.process import procfs

WAITS = """
say("ready")
sys.stdin.read()
say("over")
"""
STUBBORN = """
def block(lock):
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(signum, signal.SIG_IGN)
    say("ready")
    lock.acquire()

if __name__ == "__main__":
    lock = mp.Lock()
    lock.acquire()
    start(block, lock)
    start(block, lock)
    if not os.fork():
        os.setsid()
        if os.fork(): os._exit(0)
    block(lock)
"""
LEAVES = """
from multiprocessing import resource_tracker, shared_memory
if not os.fork():
    os._exit(0)
sleeper = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
memory = shared_memory.SharedMemory(create=True, size=100)
resource_tracker.unregister(memory._name, "shared_memory")
say(f"memory:{memory.name}")
say(f"sleeper:{sleeper.pid}")
sys.stdin.read(1)
os._exit(0)
"""


def alive(pid):
    return (found := procfs.stat(pid)) is not None and found.alive


def lives_on(tmp_path, signum, status):
    with UnderWatch(tmp_path, WAITS, "fork", watch=["-q"], stdin=subprocess.PIPE) as watched:
        watched.wait_for(lambda: watched.said("ready"))
        pid = watched.program_pid
        watched.signal(signum)
        wait_until(lambda: not watched.running)
        assert alive(pid)
        watched.stdin.write(b"x")
        watched.stdin.close()
        result = watched.finish()
        assert (result.status, result.survivors) == (status, [])
        assert "over" in result.stdout
        return watched


def test_if_watch_is_killed_the_program_lives_on(tmp_path):
    lives_on(tmp_path, signal.SIGKILL, -signal.SIGKILL)


def test_if_watch_is_asked_to_end_the_program_lives_on(tmp_path):
    watched = lives_on(tmp_path, signal.SIGTERM, 143)
    told = f"PID {watched.seen[0].pid} goes on without being watched"
    assert (watched.summary_seen["answer"], watched.summary_seen["verdict"]) == (told, "not known")
    assert told in watched.stderr


def test_a_hang_up_does_not_end_the_program(tmp_path):
    lives_on(tmp_path, signal.SIGHUP, 129)


def test_a_request_that_both_have_got_ends_both(tmp_path):
    """As timeout(1) does it; the exit status is that of the program."""
    with UnderWatch(tmp_path, WAITS, "fork", watch=["-q"], stdin=subprocess.PIPE) as watched:
        watched.wait_for(lambda: watched.said("ready"))
        watched.signal_group(signal.SIGTERM)
        watched.finish().assert_clean(143, stderr_lines=1)


def test_what_hangs_is_ended_with_all_its_processes(tmp_path):
    """Though they ignore SIGTERM, and one is an orphan in a session of its own."""
    options = ["--still", "0.5", "--on-hang", "kill", "-q"]
    with UnderWatch(tmp_path, STUBBORN, "fork", watch=options) as watched:
        ended = replace(watched.finish(), temporary=())
        ended.assert_clean(4, stderr_lines=6)
        assert watched.summary_seen["verdict"] == "killed"
        assert watched.summary_seen["signal"] == "SIGKILL"


def test_at_the_time_limit_a_program_is_left_alone(tmp_path):
    with UnderWatch(
        tmp_path, WAITS, "fork", watch=["-q", "--timeout", "2"], stdin=subprocess.PIPE
    ) as watched:
        watched.wait_for(watched.pictures, what="the picture")
        assert watched.running
        assert watched.pictures()[0]["verdict"] == "outside"
        watched.stdin.close()
        watched.finish().assert_clean(0, stderr_lines=9)
        assert watched.summary_seen["verdict"] == "ended"


def test_at_the_time_limit_a_program_is_ended_if_asked_for(tmp_path):
    spins = "say('ready')\nwhile True: pass  # here"
    options = ["-q", "--timeout", "1", "--on-hang", "kill"]
    with UnderWatch(tmp_path, spins, "fork", watch=options) as watched:
        watched.finish().assert_clean(4, stderr_lines=9)
        (picture,) = watched.pictures()
        assert picture["verdict"] == "computing"
        assert "the time limit has passed: main" in watched.summary_seen["answer"]


def test_it_is_left_alone_unless_asked_for(tmp_path):
    """The picture comes once, while it hangs. It hangs on, until something else ends it."""
    needs_stacks()
    source = TWO_LOCKS.replace("KIND", "Lock")
    with UnderWatch(tmp_path, source, "fork", watch=["--still", "0.5"]) as watched:
        watched.wait_for(watched.pictures, limit=20, what="a picture")
        watched.wait_for(lambda: "deadlock: " in watched.stderr, what="the answer")
        shown = run("xray", str(watched.pid), "-q").assert_clean(0).stdout
        assert shown == next(
            line for line in watched.stderr.splitlines(True) if line.startswith("deadlock: ")
        )
        assert watched.running
        os.kill(watched.program_pid, signal.SIGKILL)
        status = watched.finish().status
        assert status == 137
        summary = watched.summary_seen
        assert (summary["verdict"], len(summary["circle"]), len(watched.pictures())) == ("deadlock", 2, 1)
        assert summary["answer"].startswith("it hung: child ")
        assert {each["pid"] for each in summary["orphans"]} == {each["pid"] for each in summary["circle"]}
        assert f"still running: script.py (PID {summary['circle'][0]['pid']})" in watched.stderr


def test_it_goes_on_again(tmp_path):
    """What ends the wait of a hanging program comes from outside of it: a signal that ends a process."""
    needs_stacks()
    source = """
def wait(lock):
    say("child")
    lock.acquire()

if __name__ == "__main__":
    lock = mp.Lock()
    lock.acquire()
    child = start(wait, lock)
    child.join()
    say("on")
    time.sleep(600)
"""
    with UnderWatch(tmp_path, source, "fork", watch=["--still", "0.5"]) as watched:
        watched.wait_for(watched.pictures, limit=20, what="a picture")
        child = next(int(line.split()[1]) for line in watched.stdout.splitlines() if line.startswith("child"))
        os.kill(child, signal.SIGKILL)
        watched.wait_for(lambda: "procdemo watch: it goes on" in watched.stderr, what="it goes on")
        watched.wait_for(lambda: watched.said("on"), what="main goes on")


def test_what_is_left_is_named(tmp_path):
    with UnderWatch(tmp_path, LEAVES, "fork", stdin=subprocess.PIPE) as watched:
        watched.wait_for(lambda: "sleeper:" in watched.stdout)
        words = dict(line.split()[0].split(":") for line in watched.stdout.splitlines())

        def is_seen():
            lines = watched.record.read_text().splitlines()
            return any('"zombie"' in line for line in lines) and "sleep" in watched.record.read_text()

        watched.wait_for(is_seen, what="a zombie in the record")
        since = time.monotonic_ns()
        times = re.compile(r'"time_ns":(\d+)')  # after each second there was a look at /dev/shm, too

        def has_looked():
            return max(map(int, times.findall(watched.record.read_text()))) > since + 1e9

        watched.wait_for(has_looked, what="a look at /dev/shm")
        watched.stdin.close()
        watched.wait_for(lambda: watched.seen[-1].name == "summary", what="the summary")
        watched.wait_for(lambda: "ended: exit status 0" in watched.stderr, what="the answer")
        summary = watched.summary_seen
        assert [each["pid"] for each in summary["orphans"]] == [int(words["sleeper"])]
        assert [each["name"] for each in summary["names"]] == [words["memory"]]
        assert summary["names"][0]["pid"] == watched.seen[0].pid
        assert len(summary["zombies"]) == 1
        assert f"still running: sleep (PID {words['sleeper']})" in watched.stderr
        assert len(re.findall(rf"PID {summary['zombies'][0]}\b", watched.stderr)) == 1, watched.stderr
        os.unlink(f"/dev/shm/{words['memory']}")


def test_a_full_disk_does_not_hurt_the_program(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print('over')")
    full = ["--record", "/dev/full", "--force", "--python", PYTHON]
    result = run("watch", *full, str(script))
    assert (result.status, result.stdout) == (0, "over\n")
    assert "procdemo watch: cannot write any more: No space left on device" in result.stderr
