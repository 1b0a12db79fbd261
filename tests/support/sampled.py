"""A program under the sampler alone, without the command: looks until what is expected has been seen."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections import defaultdict

from processes import processes, reap_all
from time_limit import TimeLimit
from waiting import wait_until

from procdemo.demo.states import State
from procdemo.probe.sampler import Sampler


class Sampled:
    """A script that is looked at. It prints lines of what a process is for, and its PID: ``sleeper 4711``."""

    def __init__(self, source, *args, python=(sys.executable,), roles=None):
        began_ns = time.monotonic_ns()  # what is born later is of the script, also if it is an orphan by now
        self._popen = subprocess.Popen(
            [*python, "-c", textwrap.dedent(source), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        os.set_blocking(self._popen.stdout.fileno(), False)
        self.sampler = Sampler(self.pid, roles=roles, since_ns=began_ns)
        self.events = []
        self.pids = {}
        self._said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        wait_until(self._is_over, what="the end of the script and its orphans")
        self._popen.wait()  # it is reaped, and its Popen learns that
        self._popen.stdin.close()
        self._popen.stdout.close()
        self.sampler.close()

    def _is_over(self):
        """Kill the whole session, also processes that no look has seen yet; return whether all are reaped."""
        for pid, process in processes().items():
            if process.session == self.pid:
                with contextlib.suppress(ProcessLookupError):  # its parent has reaped it since
                    os.kill(pid, signal.SIGKILL)
        return reap_all()

    def say(self, text="\n"):
        """Write to its stdin."""
        self._popen.stdin.write(text.encode())

    def look(self):
        """Wait until a look is due, and take it."""
        select.select([], [], [], max(self.sampler.pacing.due_at - time.monotonic(), 0))
        self._said += self._popen.stdout.read() or b""
        *lines, self._said = self._said.split(b"\n")
        self.pids |= {name: int(pid) for name, pid in (line.decode().split() for line in lines)}
        self.events += self.sampler.look()

    def until(self, condition, what="the condition"):
        """Look until the condition is true; return its value."""
        limit = TimeLimit(10)
        while not (value := condition()):
            assert not limit.passed, f"{what} not within {limit}: {self.now()}"
            self.look()
        return value

    def until_seen(self, expected):
        """Look until the main thread of each process (by name) is in the state expected of it."""
        self.until(
            lambda: expected.items() <= {name: self.state(name) for name in self.pids}.items(), str(expected)
        )

    def of(self, name):
        """Return the events of a process, by the name that the script has printed, or by role."""
        pid = self.pids.get(name)
        return [event for event in self.events if (event.pid == pid if pid else event.role == name)]

    def last(self, name):
        """Return the last event of the main thread of a process."""
        return next((event for event in reversed(self.of(name)) if event.tid == event.pid), None)

    def state(self, name):
        """Return the present state of the main thread of a process."""
        event = self.last(name)
        return State(event.name) if event else None

    def now(self):
        """Return all that was seen last."""
        seen = defaultdict(dict)
        for event in self.events:
            seen[event.role, event.pid][event.tid] = (event.name, event.data)
        return dict(seen), self.pids
