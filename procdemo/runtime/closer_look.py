"""A snapshot of a watched program, taken in a thread: meanwhile signals and the program's end are noticed."""

import resource
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from procdemo.probe import snapshot
from procdemo.probe.lock_holders import Look
from procdemo.probe.sampler import Sampler
from procdemo.runtime.signal_pipe import SignalPipe
from procdemo.runtime.watched_program import WatchedProgram

_AT_CHILD = {"wait4", "waitid"}


class CloserLook:
    """A snapshot that is being taken."""

    def __init__(
        self,
        program: WatchedProgram,
        signals: SignalPipe,
        search_s: float = snapshot.SEARCH_S,
        asked: Collection[int] | None = None,
        earlier: Look | None = None,
    ) -> None:
        """Begin; when it is done, `signals` is woken. The rest is as for `snapshot.take`."""
        self.picture: snapshot.Snapshot | None = None
        """What was seen; None as long as it is not done, and if the program has ended meanwhile."""
        self.done = False
        self.cpu_s = 0.0
        """What other processes have taken for it: those that read stacks."""
        self.is_whole = asked is None
        """Whether the stacks of all processes are read."""
        self._program, self._signals = program, signals
        self._search_s, self._asked, self._earlier = search_s, asked, earlier
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it is done."""
        self._thread.join()

    def _take(self) -> None:
        begin = _cpu_s_of_children()
        try:
            adopted = self._program.adopted()
            self.picture = snapshot.take(
                self._program.pid, self._search_s, adopted, self._asked, self._earlier
            )
        except Exception:  # noqa: BLE001 - the program has ended meanwhile: there is nothing to be seen
            self.picture = None
        self.cpu_s = _cpu_s_of_children() - begin
        self.done = True
        self._signals.wake()


def _cpu_s_of_children() -> float:
    """Return the CPU time of the children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def idle_since(sampler: Sampler) -> dict[tuple[int, int], int]:
    """Return since when each thread has had no turn on a CPU; zombies are left out."""
    since = {}
    for pid, thread in sampler.threads():
        if thread.stat.letter not in "ZX":
            thread.skip = 0  # the next look is at all of them
            since[pid, thread.tid] = thread.ran_ns
    return since


def waits_for_children(sampler: Sampler) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the threads that wait for a child to end, with the main threads of all that it may be."""
    children: dict[int, list[tuple[int, int]]] = {}
    waiting = []
    for pid, thread in sampler.threads():
        if thread.tid == pid:
            children.setdefault(thread.stat.parent, []).append((pid, pid))
        if thread.wait and thread.wait.call in _AT_CHILD:
            waiting.append((pid, thread.tid))
    return {node: children.get(node[0], []) for node in waiting}


def reads_terminal(sampler: Sampler) -> bool:
    """Return whether a thread waits for a person to type."""
    for pid, thread in sampler.threads():
        if thread.wait and thread.wait.reads >= 0:
            with suppress(OSError):
                target = Path(f"/proc/{pid}/fd/{thread.wait.reads}").readlink()
                if str(target).startswith(("/dev/pts/", "/dev/tty")):
                    return True
    return False
