"""A live process is asked for its stacks, and lives on; what cannot answer is named."""

import os
import shutil
import signal
import subprocess
from types import SimpleNamespace

import pytest
from hanging import Hanging
from namespaces import PIDS_OF_ITS_OWN, needs_pids_of_its_own
from waiting import wait_until

from procdemo.demo.settings import CannotRunError, pip_install
from procdemo.probe import live_stacks
from procdemo.process import procfs

PY_SPY = shutil.which("py-spy") or os.path.exists(
    os.path.join(live_stacks.sysconfig.get_path("scripts"), "py-spy")
)
pytestmark = pytest.mark.skipif(not PY_SPY, reason="needs py-spy: pip install '.[xray]'")

THREADS = """
class Waiter:
    def run(self, lock):
        say("second")
        lock.acquire()

def wait(lock):
    thread = threading.Thread(target=Waiter().run, args=(lock,))
    thread.start()
    say("main")
    lock.acquire()

if __name__ == "__main__":
    lock = mp.Lock()
    lock.acquire()
    start(wait, lock).join()
"""


def test_each_thread_has_its_stack_and_lives_on(tmp_path, start_method):
    with Hanging(tmp_path, THREADS, start_method) as program:
        program.wait_hang("main", "second")
        (pid, main), (_, second) = program.said["main"], program.said["second"]
        threads = procfs.threads(pid)
        answer = live_stacks.ask(pid)
        assert answer.problem == ""
        stacks = dict(zip([thread.tid for thread in threads], answer.of(threads), strict=True))
        assert [frame.function for frame in stacks[main]][:1] == ["wait"]
        assert stacks[main][0].path == program.args[-2]
        assert stacks[second][0].function == "run"
        assert "_bootstrap" not in {frame.function for frame in stacks[main]}, "nothing of the parent"
        parent = live_stacks.ask(program.pid).stacks[program.pid]
        assert parent[-1].function == "<module>"
        assert "join" in {frame.function for frame in parent}
        assert program.at_semaphores().keys() == {(pid, main), (pid, second)}, "it waits as before"


def test_a_process_that_stays_in_one_function_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(live_stacks, "_HOLD", (False, False, False))
    source = "def spin():\n    n = 0\n    while True:\n        n += 1\nsay('main')\nspin()"
    with Hanging(tmp_path, source) as program:
        program.wait_for(lambda: "main" in program.said)

        def spins():
            stack = live_stacks.ask(program.pid).stacks.get(program.pid, [])
            return [frame.function for frame in stack] == ["spin", "<module>"]

        wait_until(spins, what="its stack")


def test_a_process_that_changes_all_the_time_is_held_and_goes_on(tmp_path):
    source = """
def down(n):
    return n and down(n - 1)

say('main')
number = 0
while True:
    number += 1
    down(number % 50)
"""
    with Hanging(tmp_path, source) as program:
        program.wait_for(lambda: "main" in program.said)
        stack = wait_until(lambda: live_stacks.ask(program.pid).stacks.get(program.pid))
        assert {frame.function for frame in stack} <= {"say", "down", "<module>"}
        used = procfs.stat(program.pid).cpu_ticks
        wait_until(lambda: procfs.stat(program.pid).cpu_ticks > used, what="it runs on")


def test_what_is_not_python_is_named(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as process:
        wait_until(lambda: procfs.command(process.pid).startswith("sleep"))
        assert live_stacks.ask(process.pid)[:2] == ({}, "is not Python")
        process.kill()
        wait_until(lambda: procfs.stat(process.pid).state == "Z")
        assert live_stacks.ask(process.pid)[:2] == ({}, "has ended")
    assert live_stacks.ask(process.pid)[:2] == ({}, "has ended")


def test_a_stopped_process_stays_stopped(tmp_path):
    with Hanging(tmp_path, "say('main'); signal.pause()") as program:
        program.wait_for(lambda: "main" in program.said)
        os.kill(program.pid, signal.SIGSTOP)
        wait_until(lambda: procfs.stat(program.pid).state == "T")
        assert live_stacks.ask(program.pid).stacks[program.pid][-1].function == "<module>"
        assert procfs.stat(program.pid).state == "T"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become a user without rights")
def test_the_missing_right_and_what_to_type(tmp_path):
    with Hanging(tmp_path, "say('main'); signal.pause()") as program:
        program.wait_for(lambda: "main" in program.said)
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.setuid(65534)
                os.write(write, live_stacks._problem(program.pid).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        told = os.read(read, 1000).decode()
        os.close(read)
        assert told == "is closed to us: it belongs to user 0; type sudo before the command"


@pytest.mark.parametrize(
    ("scope", "user", "told"),
    [
        (1, 65534, "ptrace_scope is 1 (Yama); type sudo before the command"),
        (2, 65534, "ptrace_scope is 2 (Yama); type sudo before the command"),
        (2, 0, "CAP_SYS_PTRACE is missing; start the container with --cap-add SYS_PTRACE"),
        (
            3,
            0,
            "ptrace_scope is 3 (Yama) until the machine is started anew; set it to 1, and reboot",
        ),
    ],
)
def test_what_yama_forbids(monkeypatch, scope, user, told):
    monkeypatch.setattr(live_stacks, "_yama", lambda: scope)
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.setattr(os, "stat", lambda _path: SimpleNamespace(st_uid=user))
    assert live_stacks.missing_right(os.getpid()) == told


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(CannotRunError, match="py-spy") as raised:
        live_stacks.ask(os.getpid())
    assert (raised.value.hint, raised.value.exit_code) == (pip_install("py-spy"), 3)


@needs_pids_of_its_own
def test_in_a_container_the_threads_have_the_numbers_that_we_see(tmp_path):
    source = "lock = mp.Lock()\nlock.acquire()\nsay('main')\nlock.acquire()"
    with Hanging(tmp_path, source, within=PIDS_OF_ITS_OWN) as program:
        program.wait_for(lambda: program.said and program.at_semaphores())
        [(pid, tid)] = program.at_semaphores()
        assert live_stacks.ask(pid).stacks.keys() == {tid}
