"""Whether a program hangs, found out while it runs: when a closer look is worth its price, what it proves.

The sampler knows since when each thread has had no turn on a CPU, and that is all that is asked for as long
as the program works. Only if a thread has stood still for some seconds, and did not at the last closer look,
a snapshot is taken (`procdemo.probe.snapshot`): it costs a hundred times more. Each of the threads that wait
for each other must have stood still for all these seconds, and until after the snapshot; so what it shows of
them was true all that time.
"""

import time
from collections.abc import Iterable, Mapping

from procdemo.probe import hang, thread_waits
from procdemo.probe.hang import DEADLOCK, STUCK, Verdict
from procdemo.probe.snapshot import Snapshot
from procdemo.probe.thread_waits import Node

_CREDIT_S = 1.0  # of CPU time for snapshots, at the start
_SHARE = 0.02  # of one CPU: with what the sampler takes, less than 3 %


class Stillness:
    """Which threads stand still, and for how long already."""

    def __init__(self, still_s: float) -> None:
        """Take `still_s` seconds without a turn on a CPU for standing still."""
        self._still_ns = int(still_s * 1e9)
        self._begin_ns = time.monotonic_ns()
        self._since: dict[Node, int] = {}
        self._shown: dict[Node, int] = {}  # those that stood still at the last snapshot
        self._credit_s, self._earned_ns = _CREDIT_S, self._begin_ns

    def begin_anew(self) -> None:
        """Count no time before now: the program, or this process, was stopped."""
        self._begin_ns = time.monotonic_ns()

    def note(self, idle_since: Mapping[Node, int]) -> None:
        """Take since when each thread has had no turn (`time.monotonic_ns`)."""
        now_ns = time.monotonic_ns()
        self._credit_s = min(self._credit_s + _SHARE * (now_ns - self._earned_ns) / 1e9, _CREDIT_S)
        self._earned_ns = now_ns
        self._since = {
            node: since_ns
            for node, since_ns in idle_since.items()
            if now_ns - max(since_ns, self._begin_ns) >= self._still_ns
        }

    def wants_look(self) -> bool:
        """Return whether a snapshot could show a hang that the last one has not."""
        return self._credit_s > 0 and not self._since.items() <= self._shown.items()

    def begin_look(self) -> None:
        """Note that a snapshot is being taken."""
        self._shown = dict(self._since)

    def paid(self, cpu_s: float) -> None:
        """Note how much CPU time a snapshot has cost."""
        self._credit_s -= cpu_s

    def same(self, nodes: Iterable[Node]) -> bool:
        """Return whether these threads have stood still since the last snapshot."""
        return all(node in self._since and self._since[node] == self._shown.get(node) for node in nodes)

    def judge(self, snapshot: Snapshot) -> Verdict:
        """Return the verdict on the program: only what stood still, before the snapshot and since, counts."""
        return hang.judge(snapshot, {node for node in self._since if self.same([node])})


def hangs(verdict: Verdict) -> bool:
    """Return whether it is certain that a program, or a part of it, can never go on by itself."""
    if verdict.name == DEADLOCK:
        return True
    if verdict.name != STUCK:
        return False
    processes, root = verdict.context.snapshot.processes, verdict.context.snapshot.root
    alive = {node: wait for node, wait in verdict.waits.items() if wait.state != thread_waits.ZOMBIE}
    acting = {node: wait for node, wait in alive.items() if not wait.idle} or alive
    if (root, root) in verdict.caught or all(node in verdict.caught for node in acting):
        return True
    # Otherwise a process is stopped. A debugger, which stops what it looks at (state t), will continue it.
    traced = any(thread.state == "t" for process in processes.values() for thread in process.threads.values())
    return not traced and all(wait.still for wait in acting.values())


def reason(verdict: Verdict) -> list[Node]:
    """Return the threads that stand still in a program that hangs; the circle if there is one."""
    return list(verdict.circle or verdict.caught or verdict.waits)
