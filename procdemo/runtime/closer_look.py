"""A snapshot of a watched program, taken in a thread: meanwhile signals and the program's end are noticed."""

import resource
import threading

from procdemo.probe import snapshot
from procdemo.probe.sampler import Sampler
from procdemo.runtime.signal_pipe import SignalPipe
from procdemo.runtime.watched_program import WatchedProgram


class CloserLook:
    """A snapshot that is being taken."""

    def __init__(self, program: WatchedProgram, signals: SignalPipe, search_s: float) -> None:
        """Begin; when it is done, `signals` is woken. `search_s` is as for `snapshot.take`."""
        self.picture: snapshot.Snapshot | None = None
        """What was seen; None as long as it is not done, and if the program has ended meanwhile."""
        self.done = False
        self.cpu_s = 0.0
        """What it has cost."""
        self._program, self._signals, self._search_s = program, signals, search_s
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until it is done."""
        self._thread.join()

    def _take(self) -> None:
        begin = _cpu_s()
        try:
            self.picture = snapshot.take(self._program.pid, self._search_s, self._program.adopted())
        except Exception:  # noqa: BLE001 - the program has ended meanwhile: there is nothing to be seen
            self.picture = None
        self.cpu_s = _cpu_s() - begin
        self.done = True
        self._signals.wake()


def _cpu_s() -> float:
    """Return the CPU time of this process and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def idle_since(sampler: Sampler) -> dict[tuple[int, int], int]:
    """Return since when each thread has had no turn on a CPU; zombies are left out."""
    since = {}
    for pid, thread in sampler.threads():
        if thread.stat.letter not in "ZX":
            thread.skip = 0  # the next look is at all of them
            since[pid, thread.tid] = thread.ran_ns
    return since
