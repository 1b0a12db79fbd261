"""Whether a program hangs, found out while it runs: when a closer look is worth its price, what it proves.

The sampler knows since when each thread has had no turn on a CPU, and that is all that is asked for as long
as the program works. Only if a thread has stood still for some seconds, and did not at the last closer look,
a snapshot is taken (`procdemo.probe.snapshot`): it costs a hundred times more. Each of the threads that wait
for each other must have stood still for all these seconds, and until after the snapshot; so what it shows of
them was true all that time.
"""

import time
from collections.abc import Collection, Iterable, Mapping

from procdemo.probe import hang, thread_waits
from procdemo.probe.hang import DEADLOCK, STUCK, Verdict
from procdemo.probe.snapshot import Snapshot
from procdemo.probe.thread_waits import Node

_CREDIT_S = 1.0  # of CPU time, at the start
_MOST_ASKED = 100  # processes whose stacks are read, because the program works perhaps, and needs its CPUs
_SHARE = 0.028  # of one CPU, for all that watching costs; what the sampler leaves of it is for snapshots


class Stillness:
    """Which threads stand still, and for how long already."""

    def __init__(self, still_s: float) -> None:
        """Take `still_s` seconds without a turn on a CPU for standing still."""
        self._still_ns = int(still_s * 1e9)
        self._begin_ns = time.monotonic_ns()
        self._since: dict[Node, int] = {}
        self._shown: dict[Node, int] = {}  # those that stood still at the last snapshot
        self._again_ns = self._pause_ns = 0  # when the next snapshot of the same threads is due
        self._at_children: Mapping[Node, Collection[Node]] = {}
        self._credit_s, self._earned_ns, self._spent_s = _CREDIT_S, self._begin_ns, time.process_time()

    def begin_anew(self) -> None:
        """Count no time before now: the program, or this process, was stopped."""
        self._begin_ns = time.monotonic_ns()

    def note(
        self, idle_since: Mapping[Node, int], at_children: Mapping[Node, Collection[Node]] | None = None
    ) -> None:
        """Take what the sampler has seen.

        Args:
            idle_since: since when each thread has had no turn (`time.monotonic_ns`).
            at_children: the threads that wait for a child to end, with the main threads of all children.
        """
        now_ns, spent_s = time.monotonic_ns(), time.process_time()
        earned_s = _SHARE * (now_ns - self._earned_ns) / 1e9 - (spent_s - self._spent_s)
        self._credit_s = min(self._credit_s + earned_s, _CREDIT_S)
        self._earned_ns, self._spent_s = now_ns, spent_s
        self._at_children = at_children or {}
        self._since = {
            node: since_ns
            for node, since_ns in idle_since.items()
            if now_ns - max(since_ns, self._begin_ns) >= self._still_ns
        }

    def wants_look(self) -> bool:
        """Return whether a snapshot could show a hang that the last one has not.

        It could if more threads stand still. If the same ones do, it is worth trying again, ever more seldom:
        a thread may not have been known yet, or may have moved in the wrong moment. It could not if those
        that stand still only wait for children, and these do not stand still.
        """
        if self._credit_s <= 0 or not self._some_may_hang():
            return False
        return not self._since.items() <= self._shown.items() or time.monotonic_ns() >= self._again_ns

    def _some_may_hang(self) -> bool:
        found = set(self._since)
        children = self._at_children
        while free := {node for node in found if children.get(node) and found.isdisjoint(children[node])}:
            found -= free
        return bool(found)

    def begin_look(self) -> None:
        """Note that a snapshot is being taken."""
        known = self._since.items() <= self._shown.items()
        self._pause_ns = 2 * self._pause_ns if known else self._still_ns
        self._again_ns = time.monotonic_ns() + self._pause_ns
        self._shown = dict(self._since)

    def standing(self) -> set[int]:
        """Return the processes in which a thread stands still: a hundred at most."""
        return set(sorted({pid for pid, _ in self._since})[:_MOST_ASKED])

    def paid(self, cpu_s: float) -> None:
        """Note how much CPU time other processes have taken for a snapshot."""
        self._credit_s -= cpu_s

    def same(self, nodes: Iterable[Node]) -> bool:
        """Return whether these threads have stood still since the last snapshot."""
        return all(node in self._since and self._since[node] == self._shown.get(node) for node in nodes)

    def judge(self, snapshot: Snapshot, *, as_seen: bool = False) -> Verdict:
        """Return the verdict on the program: only what stood still, before the snapshot and since, counts.

        With `as_seen` all counts that the snapshot shows, however short it lasted.
        """
        now_ns = time.monotonic_ns()
        stood = {node: (now_ns - since) / 1e9 for node, since in self._since.items() if self.same([node])}
        return hang.judge(snapshot, None if as_seen else stood.keys(), stood)


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


def same_hang(one: Verdict, other: Verdict) -> bool:
    """Return whether two verdicts on a program that hangs have the same reason."""
    return one.name == other.name and set(reason(one)) == set(reason(other))


def reason(verdict: Verdict) -> list[Node]:
    """Return the threads that stand still in a program that hangs; the circle if there is one."""
    return list(verdict.circle or verdict.caught or verdict.waits)
