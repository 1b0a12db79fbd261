"""What is not a thread of the program: a host, a terminal, a stopped process, a file, an event loop."""

import os
import pty
import re
import signal
import socket

from xrayed import Xrayed, lines

from procdemo.process import procfs


def test_a_host_and_its_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        source = f"import socket\nclient = socket.create_connection(('{host}', {port}))\nclient.recv(1)"
        with Xrayed(tmp_path, source) as program:
            connection, _ = listener.accept()
            with connection:
                verdict = program.wait_verdict("outside", f"data from a connection with {host}:{port}")
            assert f"PID {os.getpid()}" in verdict.answer, "the other end is on this machine"


def test_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    try:
        with Xrayed(tmp_path, "input()", stdin=theirs) as program:
            program.wait_verdict("outside", "waits for you to type, at the terminal")
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_stopped_process(tmp_path):
    source = "pid = os.fork() or signal.pause()\nsay('main')\nos.waitpid(pid, 0)"
    with Xrayed(tmp_path, source) as program:
        program.wait_for(lambda: "main" in program.said)
        [child] = procfs.children(program.pid)
        os.kill(child, signal.SIGSTOP)
        verdict = program.wait_verdict(
            "stuck", f"is stopped, and waits for a signal to go on: kill -CONT {child}"
        )
        assert verdict.answer.startswith(f"child {child} ")
        os.kill(child, signal.SIGCONT)
        program.wait_verdict("outside", "waits for a signal")


def test_the_lock_of_a_file(tmp_path):
    source = """
import fcntl
def wait():
    with open(FILE) as file: fcntl.flock(file, fcntl.LOCK_EX)  # there

with open(FILE, "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    start(wait).join()  # here
"""
    with Xrayed(tmp_path, source.replace("FILE", repr(str(tmp_path / "file.lock")))) as program:
        verdict = program.wait_verdict("deadlock", "waits for the lock of file.lock, which main holds")
        assert [line.partition("# ")[2] for line in lines(verdict)] == ["here", "there"]


def test_the_main_thread_is_told_first(tmp_path):
    """As in the kernel of a notebook, where threads wait for clients while a cell hangs."""
    source = """
import queue
threading.Thread(target=time.sleep, args=(600,), name="other", daemon=True).start()
queue.Queue().get()
"""
    with Xrayed(tmp_path, source) as program:
        answer = program.wait_verdict("sleeping", "waits for an item, in get()").answer
        first, second = answer.split("; ")
        assert re.match(rf"main {program.pid} \(script\.py:\d+\) waits for an item, in get\(\)", first)
        assert re.match(rf"thread other of main {program.pid} .* sleeps, ", second)


def test_a_blocked_event_loop(tmp_path):
    source = """
import asyncio
async def main():
    time.sleep(600)
asyncio.run(main())
"""
    with Xrayed(tmp_path, source) as program:
        verdict = program.wait_verdict("sleeping", "blocks its event loop")
        assert re.search(r"script\.py:\d+\) sleeps, \d+\.\d s more, and blocks", verdict.answer)
