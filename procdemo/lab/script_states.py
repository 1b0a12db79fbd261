"""The states of a script's processes and threads, looked at beside the other work of its watchdog.

The watchdog is the parent of the script, and of all orphans below it: so these are the processes of the
script, and no others.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from procdemo.process import procfs

if TYPE_CHECKING:
    from procdemo.probe.sampler import Sampler

_INEXACT = "the kernel counts no schedstat: CPU time is in steps of 10 ms, ready is not seen"
_HIDDEN = "what a process waits for is hidden: another user's, or ptrace is not permitted"


class ScriptStates:
    """Looks at a script whenever it is time, and reports what has changed."""

    def __init__(self, report: Callable[[str, Any], None], *, wanted: bool) -> None:
        """Be ready to look; the script must not run yet, because a short one would end meanwhile.

        Args:
            report: takes ``states`` and a list of events, or ``hidden`` and what cannot be seen.
            wanted: whether to look at all. Without /proc there is nothing to look at.
        """
        self._report = report
        self._since_ns = time.monotonic_ns()
        self._said_hidden = False
        self._killed = False
        self._sampler: Sampler | None = None
        self._sampler_of = _sampler_type() if wanted and procfs.LINUX else None

    def begin(self, root: int, role: str) -> None:
        """Look at the process `root`, a child of this one, from now on, and at all that it starts.

        It is called `role`; its descendants are called by their PIDs, or by their programs.
        """
        if not self._sampler_of:
            return
        self._sampler = self._sampler_of(root, roles={root: role}, since_ns=self._since_ns)
        if not self._sampler.exact:
            self._report("hidden", _INEXACT)

    def seconds_left(self, most: float) -> float:
        """Return how long it is until the next look is due: `most` seconds at the most."""
        return max(min(self._sampler.pacing.due_at - time.monotonic(), most), 0.0) if self._sampler else most

    def look_if_due(self) -> None:
        """Look, if it is time."""
        if self._sampler and time.monotonic() >= self._sampler.pacing.due_at:
            self.look()

    def look(self) -> None:
        """Look now."""
        if not self._sampler:
            return
        if events := self._sampler.look():
            for event in events if self._killed else ():
                event.data.pop("orphan", None)
            self._report("states", events)
        if self._sampler.hidden and not self._said_hidden:
            self._said_hidden = True
            self._report("hidden", _HIDDEN)

    def look_before_kill(self) -> None:
        """Look now. From then on the watchdog kills the script: no orphan is one of the script's making."""
        self.look()
        self._killed = True

    def close(self) -> None:
        """Take a last look, and close all files."""
        self.look()
        if self._sampler:
            self._sampler.close()
            self._sampler = None


def _sampler_type() -> "type[Sampler]":
    from procdemo.probe.sampler import Sampler  # noqa: PLC0415 - not needed for `lab --all`

    return Sampler
