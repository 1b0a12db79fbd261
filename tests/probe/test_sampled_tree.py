"""Looks from outside: which processes and threads there are, also if they end, or are hidden."""

import os
import signal
import sys

import pytest
from kinds_of_wait import WAITS
from sampled import Sampled
from waiting import wait_until

from procdemo.demo.states import State
from procdemo.probe.sampled_thread import Descriptors, SampledThread
from procdemo.probe.sampler import Sampler
from procdemo.process import procfs

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

ORPHAN = """
    import os, sys, time
    if os.fork() == 0:
        if (pid := os.fork()) == 0:
            os.setsid()
            time.sleep(600)
        os.write(1, f"orphan {pid}\\n".encode())
        sys.stdin.read(1)
        os._exit(0)
    os.wait()
    time.sleep(600)
"""


def test_an_orphan_is_still_seen_and_has_another_parent():
    with Sampled(ORPHAN) as sampled:
        sampled.until_seen({"orphan": State.SLEEPING})
        assert "orphan" not in sampled.last("orphan").data
        sampled.say()
        sampled.until(lambda: sampled.last("orphan").data.get("orphan"), "an orphan")
        assert sampled.last("orphan").data["ppid"] == os.getpid()
        os.kill(sampled.pids["orphan"], signal.SIGKILL)
        sampled.until_seen({"orphan": State.GONE})


def test_helpers_of_multiprocessing_are_marked(tmp_path):
    script = tmp_path / "helped.py"
    script.write_text(
        "import multiprocessing as mp, sys, time\n"
        "if __name__ == '__main__':\n"
        "    mp.set_start_method(sys.argv[1])\n"
        "    lock = mp.Lock()\n"
        "    child = mp.Process(target=time.sleep, args=(600,))\n"
        "    child.start()\n"
        "    print('child', child.pid, flush=True)\n"
        "    sys.stdin.read(1)\n"
    )
    with Sampled(
        f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", "forkserver"
    ) as sampled:
        sampled.until_seen({"child": State.SLEEPING})
        sampled.until(
            lambda: (
                {event.role for event in sampled.events if event.data.get("helper")}
                == {"fork server", "resource tracker"}
            ),
            "both helpers",
        )
        names = [event.name for event in sampled.of("child")]
        # On a busy machine its parent is late with what it is to do: then it waits for that. Or a look is
        # late: then it is not seen, or only when it sleeps.
        told = names[: next(n for n, name in enumerate(names) if name in {"waiting", "sleeping"})]
        assert set(told) <= {"starting", "not seen"}, sampled.of("child")
        assert sampled.sampler._processes[sampled.pids["child"]].identity.new_interpreter
        assert "helper" not in sampled.last("child").data


MANY = """
    import os, sys, time
    for number in range(int(sys.argv[1])):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    os.write(1, b"all 0\\n")
    sys.stdin.read(1)
"""


@pytest.mark.thorough
def test_more_children_than_one_read_lists_are_all_found():
    count = 700  # their numbers are more than the 4 KB of one read, from five digits on; and two files each
    with Sampled(MANY, str(count), python=(sys.executable, "-S")) as sampled:
        sampled.until(lambda: len({event.pid for event in sampled.events}) == count + 1, "all children")


THREADS = """
    import sys, threading, time
    while sys.stdin.read(1):
        may_end = threading.Event()
        old = threading.Thread(target=may_end.wait)
        old.start()
        sys.stdin.read(1)
        may_end.set()
        old.join()
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


def test_a_thread_that_follows_another_is_found():
    def threads(name):
        return len({event.tid for event in sampled.events if event.name == name and event.tid != sampled.pid})

    with Sampled(THREADS) as sampled:
        for number in range(1, 4):
            sampled.say()
            sampled.until(lambda n=number: threads("blocked") == n, "a thread")
            sampled.say()
            sampled.until(lambda n=number: threads("sleeping") == n, "the thread that follows")
        gone = {event.tid for event in sampled.events if event.name == "gone"}
        assert sampled.pid not in gone


AGAIN = """
    import os, signal, sys, time
    def tick():  # a start time is counted in these
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100)
    def start(name, wait):
        if (pid := os.fork()) == 0:
            wait()
        os.write(1, f"{name} {pid}\\n".encode())
        return pid
    pid = start("first", lambda: time.sleep(600))
    first = tick()
    sys.stdin.read(1)
    while tick() <= first:
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(pid - 1))
    start("second", signal.pause)
    sys.stdin.read(1)
"""


@pytest.mark.skipif(
    not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK), reason="only root can choose a PID"
)
@pytest.mark.parametrize("kept", [1000, 0], ids=["files kept open", "no file kept open"])
def test_a_number_that_is_used_again_is_another_process(kept):
    with Sampled(AGAIN) as sampled:
        sampled.sampler._descriptors.left = kept
        sampled.until_seen({"first": State.SLEEPING})
        sampled.say()
        sampled.until(lambda: "second" in sampled.pids)
        if sampled.pids["second"] != sampled.pids["first"]:
            pytest.skip("another program took that PID first")
        sampled.until_seen({"second": State.WAITING})
        names = [event.name for event in sampled.of("second")]
        assert names.index("gone") < names.index("waiting")


def test_an_ended_program_leaves_no_open_file():
    before = set(os.listdir("/proc/self/fd"))
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_without_descriptors_to_spare_it_sees_the_same():
    with Sampled(WAITS, "sleep", "read_pipe", "compute") as sampled:
        sampled.sampler._descriptors.left = 0  # for all threads that are seen from now on
        sampled.until_seen({"sleep": State.SLEEPING, "read_pipe": State.WAITING})
        os.kill(sampled.pids["sleep"], signal.SIGKILL)
        sampled.until_seen({"sleep": State.ZOMBIE})
        sampled.until(lambda: sampled.state("compute") in {State.COMPUTING, State.READY})


def test_where_the_kernel_lists_no_children_proc_is_listed():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.sampler._own_folder = "/proc/0"
        sampled.sampler._listing_at = 0.0
        sampled.until_seen({"sleep": State.SLEEPING})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_of_another_users_process_it_sees_what_is_left():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.setuid(65534)
                sampler = Sampler(sampled.pids["sleep"])
                names = [event.name for event in sampler.look()]
                os.write(write, f"{' '.join(names)} {sampler.hidden}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 100).endswith(b"waiting True")
        os.close(read)
        os.close(write)


def test_a_turn_between_the_first_look_and_the_second_is_noticed():
    with Sampled(WAITS, "read_pipe", "sleep") as sampled:
        sampled.until_seen({"read_pipe": State.WAITING})
        pid = sampled.pids["read_pipe"]
        thread = SampledThread(pid, pid, 0, Descriptors())
        turns = procfs.read(f"/proc/{pid}/schedstat")
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: procfs.read(f"/proc/{pid}/schedstat") != turns)
        thread.wait = thread.now_waits(thread.stat)
        thread.begin(0, 0)
        assert thread.has_run()
        thread.close()


def test_a_process_that_was_seen_in_the_midst_of_exec_gets_its_name_later():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        pid, before = sampled.pids["sleep"], len(sampled.events)
        process = sampled.sampler._processes[pid]
        process.has_no_command, process.identity.name = True, "half"
        sampled.until(lambda: any(event.pid == pid for event in sampled.events[before:]))
        assert sampled.last("sleep").role == f"child {pid}"


def test_a_process_that_is_about_to_end_keeps_its_name(monkeypatch):
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        process = sampled.sampler._processes[sampled.pids["sleep"]]
        name = process.identity.name
        # As of a process without memory (proc(5), cmdline).
        monkeypatch.setattr(procfs, "read", lambda _path: b"")
        assert not process.identify(None)
        assert process.identity.name == name


def test_a_process_that_was_in_the_midst_of_exec_is_looked_at_again(monkeypatch):
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        process = sampled.sampler._processes[sampled.pids["sleep"]]
        name = process.identity.name
        process.identity.name = "what forked it"
        with monkeypatch.context() as patched:  # for a moment its memory has no command line
            patched.setattr(procfs, "read", lambda _path: b"")
            assert not process.identify(None)
        sampled.until(lambda: process.identity.name == name, "the new name")


FROM_AN_ORPHAN = """
    import os, time
    if os.fork() == 0:
        for _ in range(2):
            if os.fork() == 0:
                time.sleep(600)
        os._exit(0)
    os.wait()
    time.sleep(600)
"""


def test_a_fork_whose_parent_was_never_seen_is_a_child_all_the_same():
    with Sampled(FROM_AN_ORPHAN) as sampled:
        asleep = sampled.until(
            lambda: (
                len({event.pid for event in sampled.events if event.name == "sleeping"}) >= 3
                and {event.pid: event.role for event in sampled.events if event.name == "sleeping"}
            ),
            "three that sleep",
        )
        assert {role for pid, role in asleep.items() if pid != sampled.pid} == {
            f"child {pid}" for pid in asleep if pid != sampled.pid
        }


BECOMES = """
    import os, sys, time
    if os.fork() == 0:
        os.write(1, f"changes {os.getpid()}\\n".encode())
        sys.stdin.read(1)
        code = "import os, time; os.fork() or print('late', os.getpid(), flush=True); time.sleep(600)"
        os.execl(sys.executable, sys.executable, "-c", code)
    time.sleep(600)
"""


def test_a_program_that_has_changed_and_forked_since_the_last_look_has_a_child_like_itself():
    with Sampled(BECOMES) as sampled:
        sampled.until_seen({"changes": State.WAITING})
        sampled.say()
        pid = sampled.pids["changes"]
        wait_until(lambda: procfs.children(pid))
        sampled.until_seen({"changes": State.SLEEPING, "late": State.SLEEPING})
        parent = sampled.sampler._processes[pid].identity
        child = sampled.sampler._processes[sampled.pids["late"]].identity
        assert child.known_command == parent.known_command
        assert (child.name, child.helper) == (f"child {sampled.pids['late']}", "")
