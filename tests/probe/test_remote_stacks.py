"""Python reads the stacks of another process, also of one that is stopped."""

import os
import signal
import sys

import pytest
from harness import Command

from procdemo.probe import remote_stacks

PROGRAM = """
import multiprocessing, os, sys, threading
def wait_here():
    threading.Event().wait()
def work():
    threading.Thread(target=wait_here, daemon=True).start()
    sys.stdout.write(f"{os.getpid()}\\n")
    sys.stdout.flush()
    threading.Event().wait()
if __name__ == "__main__":
    multiprocessing.get_context(sys.argv[1]).Process(target=work).start()
    work()
"""


def lines_of(pid, script):
    """Return the lines of the script in which the threads of a process are, by thread."""
    stacks = remote_stacks.read(pid) or {}
    return {tid: {frame.line for frame in stack if frame.path == script} for tid, stack in stacks.items()}


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Python 3.14 and later can do that")
def test_every_thread_of_every_process_by_its_number(tmp_path, start_method):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    with Command(str(script), start_method, program=[sys.executable]) as command:
        command.wait_for(lambda: len(command.stdout.split()) == 2, what="both processes")
        for pid in map(int, command.stdout.split()):
            command.wait_for(
                lambda pid=pid: (
                    {4} in lines_of(pid, str(script)).values()
                    and any(9 in lines for lines in lines_of(pid, str(script)).values())
                ),
                what="both threads where they wait",
            )
            os.kill(pid, signal.SIGSTOP)
            found = lines_of(pid, str(script))
            assert found.keys() == {int(tid) for tid in os.listdir(f"/proc/{pid}/task")}
            assert 9 in found[pid]
        command.signal(signal.SIGKILL)
        command.finish()


def test_what_cannot_be_read_is_not_known():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert remote_stacks.read(child) is None
    os.waitpid(child, 0)


def test_where_a_gil_is_faulthandler_shows_all_threads():
    assert (sys.version_info >= (3, 14) and "t" in sys.abiflags) == remote_stacks.NEEDED
