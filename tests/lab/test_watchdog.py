"""A watchdog lets a script run to its end, reports when it hangs, and leaves nothing of it."""

import sys
import uuid
from pathlib import Path

import pytest
from watched import Watched

# --- how it ends


def test_what_it_says_and_how_it_ends(tmp_path):
    source = "import sys\nprint('one')\nsys.stderr.write('two\\nthree')\nsys.exit(5)"
    with Watched(tmp_path, source) as script:
        end = script.end()
        assert (end["ended"], end["hung"], end["survivors"]) == (5, "", [])
        assert sorted(script.said()) == [("stderr", "three"), ("stderr", "two"), ("stdout", "one")]


def test_bytes_that_are_no_text(tmp_path):
    with Watched(tmp_path, "import os\nos.write(1, b'\\xff\\x1b[2J\\n')") as script:
        script.end()
        assert script.said() == [("stdout", "\\xff\x1b[2J")]


def test_more_than_a_pipe_holds(tmp_path):
    with Watched(tmp_path, "print('x' * 300_000)\nprint('end', end='')") as script:
        script.end()
        assert [len(text) for _, text in script.said()] == [300_000, 3]


def test_a_signal_ends_it(tmp_path):
    with Watched(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)") as script:
        assert script.end()["ended"] == -9


def test_its_arguments_its_folder_and_its_environment(tmp_path):
    source = "import os, sys\nprint(sys.argv[1:], os.listdir(), 'PYTHONWARNINGS' in os.environ)"
    with Watched(tmp_path, source, "forkserver") as script:
        script.end()
        assert script.said() == [("stdout", "['forkserver'] [] False")]
        assert script.result.temporary == []


# --- when it hangs


def test_nothing_moves(tmp_path):
    with Watched(tmp_path, "print('begins')\nimport threading\nthreading.Event().wait()") as script:
        assert script.end()["hung"] == "nothing had moved for 1 s"
        assert "waits for a signal of another thread" in script.picture()
        assert "script.py:3 <module>: threading.Event().wait()" in script.picture()


def test_it_moves_too_long(tmp_path):
    with Watched(tmp_path, "while True: pass", deadline=0.7) as script:
        assert script.end()["hung"] == "it had not ended after 0.7 s"
        assert "main could go on, and does not come to an end" in script.picture()


ON_A_BUSY_MACHINE = """
from procdemo.lab import watchdog
watchdog.usage.slowdown = lambda: 60
watchdog.main()
"""


def test_a_script_that_gets_little_of_a_cpu_has_more_time(tmp_path):
    program = [sys.executable, "-c", ON_A_BUSY_MACHINE]
    source = "import time\nfor _ in range(10): time.sleep(0.05)"
    with Watched(tmp_path, source, deadline=0.2, program=program) as script:
        assert (script.end()["hung"], script.end()["ended"]) == ("", 0)


def test_a_script_that_pauses_does_not_hang(tmp_path):
    source = "import time\nfor _ in range(5): time.sleep(0.4)"
    with Watched(tmp_path, source) as script:
        assert script.end()["hung"] == ""


REPORTS_LATE = """
import select
from procdemo.lab import watchdog
from procdemo.process import procfs

report_hang = watchdog.Watchdog._report_hang

def report_hang_late(self):
    while (found := procfs.stat(self._popen.pid)) and found.alive:
        select.select([], [], [], 0.001)
    return report_hang(self)

watchdog.Watchdog._report_hang = report_hang_late
watchdog.main()
"""


def test_a_script_that_ends_in_the_moment_of_the_verdict_does_not_hang(tmp_path):
    program = [sys.executable, "-c", REPORTS_LATE]
    with Watched(tmp_path, "import time; time.sleep(0.1)", deadline=0, program=program) as script:
        ended = script.end()
        assert (ended["hung"], ended["ended"]) == ("", 0)
        assert not script.picture()


def test_a_process_that_does_not_answer(tmp_path):
    source = (
        "import signal, threading\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\nthreading.Event().wait()"
    )
    with Watched(tmp_path, source) as script:
        script.end()
        assert "main thread, state S in" in script.picture()


ANSWERS_LATE = """
import os
import signal
from procdemo.lab import watchdog

asked, kill = [], os.kill

def kill_later(pid, signum):
    asked.append(pid) if signum == signal.SIGCONT else kill(pid, signum)

def slowdown():
    for pid in asked:
        kill(pid, signal.SIGCONT)
    return 50.0

os.kill, watchdog.usage.slowdown, watchdog._ANSWER_S = kill_later, slowdown, 0.1
watchdog.main()
"""


def test_a_process_that_answers_late_because_it_did_not_run(tmp_path):
    program = [sys.executable, "-c", ANSWERS_LATE]
    with Watched(tmp_path, "import threading\nthreading.Event().wait()", program=program) as script:
        script.end()
        assert "script.py:2 <module>: threading.Event().wait()" in script.picture()


ONE_THREAD_ONLY = """
import sys
import uuid
from pathlib import Path
from procdemo.lab import watchdog
from procdemo.probe import remote_stacks
remote_stacks.NEEDED = True
if sys.argv.pop(1) == "closed":
    remote_stacks.read = lambda pid: None
    watchdog.stack_dumps.parse = lambda text, parse=watchdog.stack_dumps.parse: parse(text)[-1:]
watchdog.main()
"""
"""Faulthandler is not asked, or shows one thread only, as in a free-threaded build of Python 3.14."""
TWO_THREADS = """
import threading
thread = threading.Thread(target=threading.Event().wait)
thread.start()
thread.join()
"""


@pytest.mark.parametrize(
    "how",
    [
        "closed",
        pytest.param("open", marks=pytest.mark.skipif(sys.version_info < (3, 14), reason="new in 3.14")),
    ],
)
def test_where_faulthandler_shows_one_thread_the_others_are_read_or_not_known(tmp_path, how):
    program = [sys.executable, "-c", ONE_THREAD_ONLY, how]
    with Watched(tmp_path, TWO_THREADS, program=program) as script:
        assert script.end()["hung"] == "nothing had moved for 1 s"
        picture = script.picture()
        assert "script.py:5 <module>: thread.join()" in picture
        threads = [told["thread"]["function"] for told in script.report if "thread" in told]
        if how == "open":
            assert threads == ["<module>", "wait"]
        else:
            assert threads[1] == ""
        assert ("are not known" in picture) == (how == "closed")


# --- what is left


LEAVES_ONE = """
import subprocess, sys
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('there'); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-uc", code], start_new_session=True, stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip())
"""


def test_survivors_are_counted_and_ended(tmp_path):
    with Watched(tmp_path, LEAVES_ONE) as script:
        assert len(script.end()["survivors"]) == 1


LEAVES_ONE_FOR_A_MOMENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.8)"])
"""


def test_a_process_that_ends_late_on_a_busy_machine_is_no_survivor(tmp_path):
    program = [sys.executable, "-c", ON_A_BUSY_MACHINE]
    with Watched(tmp_path, LEAVES_ONE_FOR_A_MOMENT, program=program) as script:
        assert script.end()["survivors"] == []


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        while True:
            if os.fork() == 0:  # each process that is killed is replaced
                time.sleep(60)
            os.wait()
print("there", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["its stdin is closed", "nobody reads its report"])
def test_all_processes_end_with_the_caller(tmp_path, how):
    with Watched(tmp_path, STUBBORN, still=60) as script:
        script.wait_said("there")
        if how == "its stdin is closed":
            script.stdin.close()
            script.finish(within=3).assert_clean(0, stderr_lines=0)
        else:
            script._popen.stdout.close()
            script.stdin.close()
            script.finish(within=3)
            assert not script.result.survivors


def test_signals_do_not_keep_it_from_cleaning_up(tmp_path):
    with Watched(tmp_path, STUBBORN, still=60) as script:
        script.wait_said("there")
        for signum in (1, 2, 15):
            script.signal(signum)
        script.stdin.close()
        script.finish(within=3).assert_clean(0, stderr_lines=0)


A_NAME_IN_THE_MAKING = """
import time
with open("/dev/shm/sem.mp-NAME", "x"):
    print("there", flush=True)
    time.sleep(60)
"""


def test_a_name_that_no_tracker_knows_yet_is_removed(tmp_path):
    name = uuid.uuid4().hex
    with Watched(tmp_path, A_NAME_IN_THE_MAKING.replace("NAME", name), still=60) as script:
        script.wait_said("there")
        script.stdin.close()
        script.finish(within=3).assert_clean(0, stderr_lines=0)
    assert not Path(f"/dev/shm/sem.mp-{name}").exists()
