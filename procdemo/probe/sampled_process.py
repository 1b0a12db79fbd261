"""One process that is looked at again and again: its threads, and what stands in line for a pipe."""

from collections import defaultdict
from typing import Any, NamedTuple

from procdemo.demo.events import Event, Kind
from procdemo.demo.states import State
from procdemo.probe.process_identity import OF_THREAD, SEMAPHORE, Identity, pipe_at
from procdemo.probe.sampled_thread import SampledThread
from procdemo.probe.thread_account import Report
from procdemo.probe.waits import Wait

BUSY = (State.COMPUTING, State.READY)
"""What a thread does that waits for nothing."""
# What a new interpreter does until it is ready.
_BY_START = (*BUSY, State.WAITING, State.BLOCKED, State.UNSEEN)
_MOST_COMPARED = 8
_SURE = 2  # so many unnamed equals at one semaphore, while one of them reads, are a line


class SampledProcess:
    """A process, and its threads by number."""

    __slots__ = (
        *("adopted", "changed", "has_no_command", "identity", "pid", "seen_threads", "starting", "threads"),
        "_names",
    )

    def __init__(self, pid: int, parent: "SampledProcess | None") -> None:
        self.pid = pid
        self.identity: Identity = Identity(pid, parent.identity if parent else None)
        self.has_no_command = not self.identity.command
        """Whether it had no command line when it was looked at: in the midst of exec(2), or about to end."""
        self.threads: dict[int, SampledThread] = {}
        self.seen_threads = 0
        """How many threads were seen in all."""
        self.starting = self.identity.new_interpreter
        self.changed = True
        """Whether its threads and children must be listed again."""
        self.adopted = False
        """Whether its parent has ended."""
        self._names: set[bytes] = set()  # that its main thread has had, and which others may have from it

    def identify(self, parent: "SampledProcess | None") -> bool:
        """Look at what program it is; return whether it has another name than before."""
        before, identity = self.identity, Identity(self.pid, parent.identity if parent else None)
        self.has_no_command = not identity.command
        if before.command and self.has_no_command:
            return False
        self.identity, self.starting = identity, identity.new_interpreter
        return identity.name != before.name

    def event(self, thread: SampledThread, report: Report, role: str, *, late: bool) -> Event:
        """Return the event of a report of one of its threads; `procdemo.probe.sampler` says what is in it.

        With `late` it is not known whether it started all the time in which it was not seen.
        """
        starts = self.starting and report.state in _BY_START and not (late and report.state is State.UNSEEN)
        state = State.STARTING if starts else report.state
        has_wait = report.state not in (*BUSY, State.UNSEEN)
        data: dict[str, Any] = {
            "call": thread.call if has_wait else "",
            "cpu_ms": report.cpu_ms,
            "ready_ms": report.ready_ms,
            "thread": thread.name,
            "ppid": thread.stat.parent,
        }
        if report.also_ms:
            data["also_ms"] = report.also_ms
        if thread.lock and has_wait:
            data["lock"] = thread.lock
        if own_name := self._own_name(thread):
            data["name"] = own_name
        if self.identity.helper:
            data["helper"] = True
        if self.adopted:
            data["orphan"] = True
        if state is State.GONE:
            data["looks"] = thread.looks
        return Event(str(Kind.STATE), str(state), data, report.time_ns, self.pid, thread.tid, role)

    def _own_name(self, thread: SampledThread) -> str:
        """Return the name that a thread has given itself; empty if it has that of its process.

        Python does that from 3.14 on (What's New In Python 3.14, threading).
        """
        if main := self.threads.get(self.pid):
            self._names.add(main.stat.comm)
        own = thread.tid != self.pid and self._names and thread.stat.comm not in self._names
        return thread.stat.comm.decode("utf-8", "replace") if own else ""


class _AtLock(NamedTuple):
    process: SampledProcess
    kin: tuple[int, str]
    semaphore: str


class PipeLines:
    """Which threads read pipes, and which stand in line for that.

    Of several workers that wait at one queue, one reads the pipe, and the others wait for its lock
    (multiprocessing/queues.py, `get`). What they wait for is the same: work. The kernel does not say which
    lock belongs to which pipe. So it is taken for one if an equal reads a pipe that the waiting process has
    open, too. Equals have the same parent and the same role, without its number. If no event has given them
    roles, two must wait at one semaphore, and all others that do not run must read that pipe.
    """

    def __init__(self, roles: dict[int, str]) -> None:
        """Take the `roles` of processes from events; the caller adds to them."""
        self._roles = roles
        self._kin: dict[tuple[int, str], dict[SampledThread, tuple[str, int]]] = defaultdict(dict)
        self._at_semaphore: dict[SampledThread, _AtLock] = {}

    def note(self, process: SampledProcess, thread: SampledThread, wait: Wait | None) -> Wait | None:
        """Note which pipe a thread reads, or at which lock it waits; return the wait under its right name."""
        if wait and thread.kin and wait.call == thread.call and wait.reads < 0 and not wait.futex:
            return wait  # the usual case, quickly
        if thread.kin:
            self._kin[thread.kin].pop(thread, None)
            self._at_semaphore.pop(thread, None)
        thread.kin, thread.lock = None, ""
        if wait is None:
            return None
        thread.call = wait.call
        place = wait.call, -1
        if wait.reads >= 0:
            place = pipe_at(process.pid, wait.reads) or wait.call, wait.reads
        elif wait.futex:
            by_address = wait.shared or wait.perhaps_gil
            at = process.identity.lock_at
            lock = at(wait.futex, shared=wait.shared) if by_address else OF_THREAD
            thread.lock, place = lock.kind, (lock.file, -1)
        if thread.tid == process.pid:
            thread.kin = self._kin_of(process)
            self._kin[thread.kin][thread] = place
            if thread.lock == SEMAPHORE:
                self._at_semaphore[thread] = _AtLock(process, thread.kin, place[0])
                if self._is_in_line(self._at_semaphore[thread]):
                    del self._at_semaphore[thread]
                    return wait._replace(state=State.WAITING)
        return wait

    def joined(self) -> list[tuple[SampledProcess, SampledThread]]:
        """Return the threads that were thought to be blocked, and turn out to stand in line."""
        found = [
            (waiting.process, thread)
            for thread, waiting in self._at_semaphore.items()
            if self._is_in_line(waiting)
        ]
        for _, thread in found:
            del self._at_semaphore[thread]
        return found

    def _kin_of(self, process: SampledProcess) -> tuple[int, str]:
        """Return what equals have in common."""
        main = process.threads.get(process.pid)
        role = self._roles.get(process.pid, process.identity.name)
        return main.stat.parent if main else 0, role.rstrip("0123456789")

    def _is_in_line(self, waiting: _AtLock) -> bool:
        places = self._kin[waiting.kin]
        pipes = {place for place in places.values() if place[0].startswith("pipe:")}
        if waiting.process.pid not in self._roles:
            others = [name for name, _ in places.values() if not name.startswith("pipe:")]
            if len({pipe for pipe, _ in pipes}) != 1 or others != [waiting.semaphore] * max(
                len(others), _SURE
            ):
                return False
        identity = waiting.process.identity
        return any(identity.has_open(pipe, fd) for pipe, fd in list(pipes)[:_MOST_COMPARED])
