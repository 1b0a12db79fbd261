"""A process has the name of its program; a fork is a child, also when it has ended."""

import os
import subprocess
import sys

import pytest
from waiting import wait_until

from procdemo.probe.process_identity import Identity
from procdemo.process import procfs

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")


def ended(pid):
    """Wait until a child is a zombie: it has no memory, and so no command line (proc(5))."""
    wait_until(lambda: not procfs.stat(pid).alive)
    assert procfs.read(f"/proc/{pid}/cmdline") == b""
    return pid


def test_a_fork_that_has_ended_is_a_child():
    own = Identity(os.getpid(), None)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        assert Identity(ended(pid), own).name == f"child {pid}"
    finally:
        os.waitpid(pid, 0)


def test_another_program_that_has_ended_keeps_its_name():
    own = Identity(os.getpid(), None)
    with subprocess.Popen(["true"]) as process:
        assert Identity(ended(process.pid), own).name == "true"


def test_a_script_has_the_name_of_its_file(tmp_path):
    script = tmp_path / "bank.py"
    script.write_text("input()")
    # The value of an option is not the script.
    with subprocess.Popen([sys.executable, "-W", "error", str(script)], stdin=subprocess.PIPE) as process:
        wait_until(lambda: b"bank.py" in procfs.read(f"/proc/{process.pid}/cmdline"))
        assert Identity(process.pid, Identity(os.getpid(), None)).name == "bank.py"
        process.communicate(b"\n")
