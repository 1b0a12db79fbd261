"""Looks from outside: each kind of wait, made by a process of its own, is told by its name."""

import os
import signal
import sys

import pytest
from sampled import Sampled
from waiting import wait_until

from procdemo.demo.states import State
from procdemo.probe.sampled_thread import Descriptors, SampledThread
from procdemo.probe.sampler import Sampler
from procdemo.process import procfs

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

WAITS = """
    import fcntl, multiprocessing, os, select, signal, socket, sys, tempfile, threading, time

    mp = multiprocessing.get_context("fork")
    empty, keep = os.pipe()
    full_end, full = os.pipe()
    os.set_blocking(full, False)
    try:
        while True:
            os.write(full, bytes(4096))
    except BlockingIOError:
        os.set_blocking(full, True)
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    ours, theirs = socket.socketpair()
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind(("127.0.0.1", 0))
    taken, file = mp.Lock(), tempfile.TemporaryFile()
    taken.acquire()
    fcntl.flock(file, fcntl.LOCK_EX)
    fifo = tempfile.mktemp()
    os.mkfifo(fifo)
    queue = mp.Queue(1)
    queue.put(1)

    def sleep(): time.sleep(600)
    def select_nothing(): select.select([], [], [], 600)
    def poll_nothing(): select.poll().poll(600_000)
    def read_pipe(): os.read(empty, 1)
    def receive(): served.recv(1)
    def receive_unix(): ours.recv(1)
    def receive_packet(): packets.recv(1)
    def accept(): listener.accept()
    def poll(): select.select([empty], [], [])
    def epoll():
        poll = select.epoll()
        poll.register(empty, select.EPOLLIN)
        poll.poll()
    def read_event(): os.read(os.eventfd(0), 8)
    def pause(): signal.pause()
    def sigwait(): signal.sigwait({signal.SIGUSR1})
    def open_fifo(): open(fifo, "rb")
    def write_pipe(): os.write(full, bytes(4096))
    def send(): ours.sendall(bytes(1 << 24))
    def semaphore(): taken.acquire()
    def thread_lock(): threading.Lock().acquire() and (lock := threading.Lock()).acquire() and lock.acquire()
    def put(): queue.put(2)
    def join(): (child := mp.Process(target=sleep)).start() or child.join()
    def file_lock(): fcntl.flock(open(file.fileno(), closefd=False, mode="rb"), fcntl.LOCK_EX) or \\
        fcntl.flock(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY), fcntl.LOCK_EX)
    def compute():
        while True: pass

    for name in sys.argv[1:]:
        if (pid := os.fork()) == 0:
            globals()[name]()
            os._exit(0)
        os.write(1, f"{name} {pid}\\n".encode())
    os.unlink(fifo) if "open_fifo" not in sys.argv else None
    sys.stdin.read(1)
"""

EXPECTED = {
    "sleep": (State.SLEEPING, "clock_nanosleep"),
    "select_nothing": (State.SLEEPING, "select"),
    "poll_nothing": (State.SLEEPING, "poll"),
    "read_pipe": (State.WAITING, "read"),
    "receive": (State.WAITING, "recvfrom"),
    "receive_unix": (State.WAITING, "recvfrom"),
    "receive_packet": (State.WAITING, "recvfrom"),
    "accept": (State.WAITING, "accept"),
    "poll": (State.WAITING, "select"),
    "epoll": (State.WAITING, "epoll_wait"),
    "read_event": (State.WAITING, "read"),
    "pause": (State.WAITING, "pause"),
    "sigwait": (State.WAITING, "sigtimedwait"),
    "open_fifo": (State.WAITING, "open"),
    "write_pipe": (State.BLOCKED, "write"),
    "send": (State.BLOCKED, "sendto"),
    "semaphore": (State.BLOCKED, "futex"),
    "thread_lock": (State.BLOCKED, "futex"),
    "put": (State.BLOCKED, "futex"),
    "join": (State.BLOCKED, "wait4"),
    "file_lock": (State.BLOCKED, "flock"),
}


def test_each_wait_has_its_state_and_its_system_call():
    with Sampled(WAITS, *EXPECTED) as sampled:
        sampled.until_seen({name: state for name, (state, _) in EXPECTED.items()})
        for name, (_, call) in EXPECTED.items():
            assert sampled.last(name).data["call"] == call, name
        locks = {name: sampled.last(name).data.get("lock") for name in EXPECTED}
        assert (locks["semaphore"], locks["put"], locks["thread_lock"]) == (
            *("semaphore", "semaphore"),
            "lock of a thread",
        )
        assert {locks[name] for name in EXPECTED if EXPECTED[name][1] != "futex"} == {None}


def test_a_state_that_lasts_is_told_again_about_every_second():
    with Sampled(WAITS, "sleep", "read_pipe") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING, "read_pipe": State.WAITING})
        before = {name: len(sampled.of(name)) for name in ("sleep", "read_pipe")}
        sampled.until(lambda: all(len(sampled.of(name)) >= 2 + count for name, count in before.items()))
        last, again = (event.time_ns for event in sampled.of("sleep")[-2:])
        assert again - last > 0.5e9


def test_more_busy_processes_than_cpus_are_ready_in_turn():
    names = ["compute"] * (2 * len(os.sched_getaffinity(0)) + 1)
    with Sampled(WAITS, *names, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        sampled.until(
            lambda: {"ready", "computing"} <= {event.name for event in sampled.of("compute")}, "ready"
        )
        busy = {event.pid for event in sampled.events} - {sampled.pid, sampled.pids["sleep"]}
        assert not {event.name for event in sampled.events if event.pid in busy} - {
            "ready",
            "computing",
            "blocked",
        }
        sampled.until(
            lambda: sum(event.data["ready_ms"] for event in sampled.events if event.pid in busy) > 50,
            "ready time",
        )


def test_stopped_and_continued_from_outside():
    with Sampled(WAITS, "compute", "sleep") as sampled:
        sampled.until_seen({"compute": State.COMPUTING, "sleep": State.SLEEPING})
        for name in ("compute", "sleep"):
            os.kill(sampled.pids[name], signal.SIGSTOP)
        sampled.until_seen({"compute": State.STOPPED, "sleep": State.STOPPED})
        for name in ("compute", "sleep"):
            os.kill(sampled.pids[name], signal.SIGCONT)
        sampled.until_seen({"sleep": State.SLEEPING})
        sampled.until(lambda: sampled.state("compute") in {State.COMPUTING, State.READY})


def test_a_zombie_says_whose_fault_it_is_and_then_it_is_gone():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        os.kill(sampled.pids["sleep"], signal.SIGKILL)
        sampled.until_seen({"sleep": State.ZOMBIE})
        assert sampled.last("sleep").data["ppid"] == sampled.pid
        sampled.say()  # its parent ends, so it becomes our child
        sampled.until_seen({"sleep": State.GONE})
        assert sampled.last("sleep").data["looks"] > 1


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


GIL = """
    import threading, time
    def compute():
        while True: pass
    threading.Thread(target=compute, daemon=True).start()
    threading.Thread(target=compute, daemon=True).start()
    compute()
"""


def test_threads_that_wait_for_the_gil_are_blocked_by_it():
    with Sampled(GIL) as sampled:
        blocked = sampled.until(
            lambda: {e.tid for e in sampled.events if e.name == "blocked" and e.data.get("lock") == "GIL"},
            "a thread that waits for the GIL",
        )
        sampled.until(lambda: len({event.tid for event in sampled.events}) == 3)
        assert blocked
        threads = {event.data["thread"] for event in sampled.events}
        assert threads == {"MainThread", "thread 2", "thread 3"}


LINE = """
    import multiprocessing, os, sys
    mp = multiprocessing.get_context(sys.argv[1])
    def work(tasks):
        while tasks.get() is not None: pass
    def hold(lock):
        with lock: pass
    if __name__ == "__main__":
        tasks, lock = mp.Queue(), mp.Lock()
        lock.acquire()
        for number in range(3):
            worker = mp.Process(target=work, args=(tasks,))
            worker.start()
            os.write(1, f"worker-{number} {worker.pid}\\n".encode())
        sys.stdin.read(1)
"""


def test_workers_in_line_for_one_queue_all_wait():
    roles = {}
    with Sampled(LINE, "fork", roles=roles) as sampled:
        workers = [f"worker-{number}" for number in range(3)]
        sampled.until_seen(dict.fromkeys(workers, State.WAITING))
        calls = sorted(sampled.last(worker).data["call"] for worker in workers)
        assert calls == ["futex", "futex", "read"]


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
        assert sampled.of("child")[0].name == "starting"
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
    def short(): time.sleep(0.1)
    while sys.stdin.read(1):
        old = threading.Thread(target=short)
        old.start()
        old.join()
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


def test_a_thread_that_follows_another_is_found():
    with Sampled(THREADS) as sampled:
        for number in range(1, 4):
            sampled.say()
            sampled.until(
                lambda n=number: len({e.tid for e in sampled.events if e.name == "sleeping"}) >= 2 * n,
                "a thread",
            )
        gone = {event.tid for event in sampled.events if event.name == "gone"}
        assert sampled.pid not in gone


AGAIN = """
    import os, signal, sys, time
    def start(name, wait):
        if (pid := os.fork()) == 0:
            wait()
        os.write(1, f"{name} {pid}\\n".encode())
        return pid
    pid = start("first", lambda: time.sleep(600))
    sys.stdin.read(1)
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
        assert os.read(read, 100) == b"waiting True"
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
        thread.begin(0)
        assert thread.has_run()
        thread.close()
