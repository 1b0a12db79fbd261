"""The system call in which a thread waits is read from outside, with what it waits for and how long."""

import re
import subprocess
import sys

import pytest
from waiting import wait_until

from procdemo.probe.system_calls import ACCEPT, READ, WRITE, Reader
from procdemo.process import procfs

SOURCE = """
import fcntl, os, select, signal, socket, subprocess, sys, threading, time
r, w = os.pipe()
full = os.pipe()[1]
os.set_blocking(full, False)
try:
    while True: os.write(full, bytes(4096))
except BlockingIOError: os.set_blocking(full, True)
a, b = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
epoll = select.epoll()
epoll.register(a, select.EPOLLIN)
lock = threading.Lock()
lock.acquire()
child = subprocess.Popen(["sleep", "600"])
pidfd = os.pidfd_open(child.pid)
CALLS = {
    "read": lambda: os.read(r, 1),
    "recv": lambda: a.recv(1),
    "write": lambda: os.write(full, bytes(4096)),
    "accept": listener.accept,
    "sleep": lambda: time.sleep(600),
    "lock": lock.acquire,
    "lock with a limit": lambda: lock.acquire(timeout=600),
    "poll": lambda: (poll := select.poll(), poll.register(r, select.POLLIN), poll.poll()),
    "poll with a limit": lambda: (poll := select.poll(), poll.register(r, select.POLLIN), poll.poll(600_000)),
    "select": lambda: select.select([r], [full], []),
    "select with a limit": lambda: select.select([r], [], [], 600),
    "epoll": epoll.poll,
    "epoll with a limit": lambda: epoll.poll(600),
    "waitpid": lambda: os.waitpid(child.pid, 0),
    "waitid": lambda: os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT),
    "signal": lambda: signal.sigwait([signal.SIGUSR1]),
}
for call in CALLS.values(): threading.Thread(target=call, daemon=True).start()
tids = {name: thread.native_id for name, thread in zip(CALLS, threading.enumerate()[1:])}
fds = {"r": r, "full": full, "a": a.fileno(), "listener": listener.fileno()}
print({"tids": tids, "fds": fds, "child": child.pid}, flush=True)
sys.stdin.read()
child.kill()
child.wait()
os._exit(0)
"""
EXPECTED = {
    "read": ("read", [("r", READ)], False),
    "recv": ("read", [("a", READ)], False),
    "write": ("write", [("full", WRITE)], False),
    "accept": ("accept", [("listener", ACCEPT)], False),
    "sleep": ("clock_nanosleep", [], True),
    "lock": ("futex", [], False),
    "lock with a limit": ("futex", [], True),
    "poll": ("poll", [("r", READ)], False),
    "poll with a limit": ("poll", [("r", READ)], True),
    "select": ("select", [("full", WRITE), ("r", READ)], False),
    "select with a limit": ("select", [("r", READ)], True),
    "epoll": ("epoll_wait", [("a", READ)], False),
    "epoll with a limit": ("epoll_wait", [("a", READ)], True),
    "waitpid": ("wait4", [], False),
    "waitid": ("waitid", [], False),
    "signal": ("sigwait", [], False),
}


@pytest.mark.skipif(not procfs.read("/proc/self/syscall"), reason="the kernel hides system calls here")
def test_each_call():
    with subprocess.Popen(
        [sys.executable, "-c", SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        told = eval(process.stdout.readline())
        names = {number: name for name, number in told["fds"].items()}
        reader = Reader(process.pid)

        def as_expected():
            found = {name: reader.call(tid)[0] for name, tid in told["tids"].items()}
            seen = {
                name: (
                    re.sub("^p(poll|select)$", r"\1", call.name),  # as the C library has it
                    sorted((names[fd], use) for fd, use in call.fds),
                    call.limited,
                )
                for name, call in found.items()
            }
            return found if seen == EXPECTED else None

        found = wait_until(as_expected, what="all threads wait")
        assert found["waitpid"].child == found["waitid"].child == told["child"]
        assert found["lock"].private
        assert min(found["lock"].address, found["lock with a limit"].address) > 0
        if sys.version_info < (3, 14):  # later each thread waits for a futex of its own: Python/parking_lot.c
            assert found["lock"].address == found["lock with a limit"].address
        for name in ("sleep", "lock with a limit"):
            assert 0 < found[name].left_s <= 600
        for name in ("poll with a limit", "select with a limit", "epoll with a limit"):
            assert found[name].left_s is None, "it is not known when that began"
            assert found[name].limit_s == pytest.approx(600, abs=1)
        assert found["poll"].limit_s is None
        process.communicate("")


def test_what_is_gone_has_no_call():
    assert Reader(2**22 + 1).call(2**22 + 1) is None
