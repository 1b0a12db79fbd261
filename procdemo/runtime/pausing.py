"""A pause of a whole demo: its clock stands still, and all its processes are stopped.

Only members of its process group are, which its main process leads. A process of the group that was stopped
before, by ``--stop`` or by a person, stays so after the pause.
"""

import contextlib
import os
import signal

from procdemo.process import procfs
from procdemo.process.demo_clock import DemoClock


class Pausing:
    """What pauses one demo."""

    def __init__(self) -> None:
        """Make the clock.

        Raises:
            OSError: there is no descriptor left, or no memory.
        """
        self.clock = DemoClock()
        self._group = 0
        self._stopped_before: set[int] = set()
        self.paused = False
        self.seconds = 0.0
        """How long the last pause was."""

    def begin(self, group: int) -> None:
        """In the command: use the clock, too; `group` is the demo's."""
        self._group = group
        self.clock.use()

    def end(self) -> None:
        """In the command: use the usual clock again."""
        self.clock.give_back()

    def pause(self) -> None:
        """Stop the clock, then the processes."""
        if self.paused:
            return
        self.paused = True
        self._stopped_before = {pid for pid, stat in self._members() if stat.state in "Tt"}
        self.clock.hold()
        # A signal to a group also reaches a process that is just being made: fork(2) is done again after it.
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the clock go on, then the processes."""
        if not self.paused:
            return
        self.paused = False
        self.seconds = self.clock.go_on()
        if not self._stopped_before:
            self._send(signal.SIGCONT)
        for pid, _ in self._members() if self._stopped_before else ():
            if pid not in self._stopped_before:
                with contextlib.suppress(OSError):  # it has ended
                    os.kill(pid, signal.SIGCONT)

    def _send(self, signum: int) -> None:
        with contextlib.suppress(OSError):  # the group is empty
            os.killpg(self._group, signum)

    def _members(self) -> list[tuple[int, procfs.Stat]]:
        return [(pid, stat) for pid, stat in procfs.processes() if stat.group == self._group]
