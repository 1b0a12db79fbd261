"""The neighbour does what tests must not be disturbed by, and leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import shared_memory
from harness import Command
from processes import command_line, ports
from servers import cpu_seconds
from waiting import ended

NEIGHBOUR = [sys.executable, str(Path(__file__).parent / "support" / "neighbour.py")]


def seen(neighbour):
    """Return which of the neighbour's things are there at this moment."""
    below = neighbour.descendants()
    pids = [neighbour.pid, *below]
    things = {
        "a name in /dev/shm": any(map(shared_memory.in_use, pids)),
        "a port": any(map(ports, pids)),
        "a Python": any("p.start()" in command_line(pid) for pid in pids),
        "a zombie": any(
            process.state == "Z" and process.parent == neighbour.pid for process in below.values()
        ),
        "a CPU for each burner": cpu_seconds(neighbour) > 0.5,
    }
    return {thing for thing, there in things.items() if there}


@pytest.mark.thorough
def test_it_does_each_thing_and_leaves_nothing():
    there = set()
    with Command(program=NEIGHBOUR) as neighbour:
        neighbour.wait_line(r"^neighbour \d+$")
        neighbour.wait_for(lambda: there.update(seen(neighbour)) or len(there) == 5, what="all five things")
        neighbour.signal(signal.SIGTERM)
        neighbour.finish(within=3).assert_clean(0, stderr_lines=0)


@pytest.mark.thorough
def test_it_ends_with_its_parent():
    start = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    with Command(program=[sys.executable, "-c", start, *NEIGHBOUR], stdin=subprocess.PIPE) as parent:
        parent.wait_line(r"^neighbour \d+$")
        pidfds = [os.pidfd_open(pid) for pid in parent.descendants()]
        parent.signal(signal.SIGKILL)
        assert ended(pidfds, within=3)
        for pidfd in pidfds:
            os.close(pidfd)
