"""What every process and thread of a tree does, as the kernel says: looks, and events made of them.

An event of kind `state` says what a thread does from ``time_ns`` on; its name is a `State`. Its data:

    call       the system call in which it waits, else the kernel function; empty if it runs, or if hidden
    cpu_ms     how long it had a CPU since the event before, exactly (``schedstat``)
    ready_ms   how long it wanted a CPU and had none
    also_ms    how long it was in other states; the state of the event before has the rest of the time.
               Less than 0: it was ready when it was thought to be in that state
    thread     ``MainThread``, or ``thread 2`` for the second of its process
    ppid       its parent
    name       the name that the thread has given itself; Python does that from 3.14 on
    lock       ``GIL``, ``semaphore`` (of multiprocessing) or ``lock of a thread``, if it waits for one
    helper     true for a process that multiprocessing needs for itself: fork server, resource tracker
    orphan     true if its parent has ended
    looks      in ``gone``: how often it was seen; 0 if it lived shorter than from one look to the next

The last five only if they apply. There is an event when the state that had the most of the time between two
looks is another one than before, and about every second while a state lasts. If a look comes late by half a
second, because the observer itself did not run, the name is `State.UNSEEN` for the time of each thread that
ran meanwhile; also from the start of a thread to its first look, if that is long. The next event says how
long it had a CPU. Nothing is asked of the processes. What is gone or hidden is left out.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from threading import get_native_id
from time import monotonic, monotonic_ns, thread_time_ns

from procdemo.demo.events import Event
from procdemo.demo.states import State
from procdemo.probe.pacing import Pacing
from procdemo.probe.sampled_process import BUSY, PipeLines, SampledProcess
from procdemo.probe.sampled_thread import COUNTS_TURNS, Births, Descriptors, SampledThread, Stat, children_of
from procdemo.probe.thread_account import Report
from procdemo.probe.waits import ENDED, UNKNOWN, Wait
from procdemo.process import procfs

_SETTLED = 8  # looks: who reads for so long has been started, and waits
_LATE_NS = 500_000_000  # a look that is so late says nothing of the time before it
_LISTING_S = 0.5  # between two listings of /proc, which cost a millisecond, if the kernel lists no children


class Sampler:
    """Looks at a process and all below it."""

    def __init__(
        self,
        root: int,
        others: Collection[int] = (),
        roles: dict[int, str] | None = None,
        since_ns: int | None = None,
    ) -> None:
        """Look at `root`, at what it starts, and at orphans that become children of this process.

        Args:
            root: a child of this process.
            others: children of this process that do not belong to it.
            roles: PID -> role of the processes that have announced themselves; the caller adds to it.
            since_ns: when the run began (`time.monotonic_ns`), if that was earlier than now.
        """
        self.roles = {} if roles is None else roles
        self._since_ns = monotonic_ns() if since_ns is None else since_ns
        self.pacing = Pacing()
        self._root, self._own = root, os.getpid()
        self._own_folder = f"/proc/{self._own}/task/{self._own}"
        self._others = {*others, *children_of(self._own_folder, born_before_ns=since_ns)} - {root}
        self._seen: set[int] = set()
        self._processes: dict[int, SampledProcess] = {}
        self._descriptors = Descriptors()
        self._births = Births()
        self._ended, self._listed = True, 0  # whether a process has; births when our children were listed
        self._checked_ns, self._late, self._gap = monotonic_ns(), 0, False  # gaps before a thread; in a look
        self._events: list[Event] = []
        self._lines = PipeLines(self.roles)
        self._listing_at = float("inf") if os.path.exists(f"{self._own_folder}/children") else 0.0
        self.hidden = False
        """Whether it was not permitted to see what a thread waits for."""
        self._find([root], None)

    def look(self) -> list[Event]:
        """Take one look at all processes, and return what has changed."""
        begin = thread_time_ns()
        self._checked_ns, self._late = int(self.pacing.due_at * 1e9), int(self._gap)
        self._now_ns()
        late = self._late
        self._births.look()
        if self._ended or self._births.count != self._listed:
            self._ended, self._listed = False, self._births.count
            self._find(children_of(self._own_folder), None)
        if monotonic() > self._listing_at:
            self._listing_at = monotonic() + _LISTING_S
            for pid in procfs.descendants(self._own):
                self._find([pid], self._processes.get(procfs.parent(pid)))
        for process in list(self._processes.values()):
            self._look_at(process)
        for process, thread in self._lines.joined():
            if thread.wait:
                thread.wait = thread.wait._replace(state=State.WAITING)
                if report := thread.account.correct(State.WAITING):
                    self._report(process, thread, report)
        events, self._events = self._events, []
        self.pacing.note(self._now_ns() / 1e9, thread_time_ns() - begin, sum(1 for _ in self.threads()))
        self._gap = self._late > late  # then the next look is late for all
        return events

    def close(self) -> None:
        """Close all files."""
        for _, thread in self.threads():
            thread.close()
        self._processes.clear()
        self._births.close()

    def threads(self) -> Iterator[tuple[int, SampledThread]]:
        """Yield each thread, with the PID of its process."""
        found = self._processes.items()
        return ((pid, thread) for pid, process in found for thread in process.threads.values())

    def has_seen(self, pid: int) -> bool:
        """Return whether this process is, or was, looked at."""
        return pid in self._seen

    @property
    def exact(self) -> bool:
        """Whether the kernel says how long a thread had a CPU, and how long it waited for one."""
        return COUNTS_TURNS

    # --- which processes and threads there are

    def _find(self, pids: Iterable[int], parent: SampledProcess | None) -> None:
        """Take the processes among `pids` that are not known yet."""
        for pid in pids:
            if pid not in self._processes and pid not in self._others:
                origin = parent or self._alike(pid)
                process = SampledProcess(pid, origin)
                self._list_threads(process, origin)
                if pid in process.threads:
                    self._processes[pid] = process
                    self._seen.add(pid)
                for thread in () if pid in process.threads else process.threads.values():
                    thread.close()

    def _alike(self, pid: int) -> SampledProcess | None:
        """Return a process with the same command line as this orphan, which it or its like has forked."""
        command = procfs.read(f"/proc/{pid}/cmdline")
        return next((p for p in self._processes.values() if p.identity.known_command == command), None)

    def _list_threads(self, process: SampledProcess, parent: SampledProcess | None = None) -> None:
        """Take the threads of a process that are not known yet; `parent` is wanted for a new process."""
        process.changed = False
        for tid in procfs.tasks(process.pid):
            if tid in process.threads or tid == get_native_id():  # the thread that looks is no part of it
                continue
            try:
                thread = SampledThread(process.pid, tid, process.seen_threads, self._descriptors)
            except ProcessLookupError:
                continue
            if self._is_ours_to_reap(thread.stat) and (tid != self._root or tid in self._seen):
                thread.close()  # it has ended; of the root that is told all the same, once
                continue
            if not process.threads:  # after its first `stat`, so that an exec(2) from now on is noticed
                process.identify(parent)
                process.adopted = thread.stat.parent == self._own and process.pid != self._root
            process.seen_threads += 1
            process.threads[tid] = thread
            thread.wait = self._wait_of(process, thread)
            for report in thread.begin(self._now_ns(), self._since_ns):
                self._report(process, thread, report)
        for thread in list(process.threads.values()):
            self._list_children(process, thread)

    def _list_children(self, process: SampledProcess, thread: SampledThread) -> None:
        thread.unlisted, thread.listed = False, self._births.count
        self._find(children_of(thread.folder), process)

    # --- looks

    def _now_ns(self) -> int:
        """Return the time; after a long one without a look, as when this process was stopped, we are late."""
        now_ns = monotonic_ns()
        self._late += now_ns - self._checked_ns > _LATE_NS
        self._checked_ns = now_ns
        return now_ns

    def _look_at(self, process: SampledProcess) -> None:
        if process.starting:
            self._look_whether_started(process)
        for thread in list(process.threads.values()):
            if thread.skip and not self._late:
                thread.skip -= 1
                continue
            try:
                report = self._look_at_thread(process, thread)
                if thread.unlisted and thread.listed != self._births.count:  # now its own program is known
                    self._list_children(process, thread)
            except OSError:
                self._end(process, thread)
                continue
            if report is None and thread.account.is_due(self.pacing.report_every_ns):
                report = thread.account.go_on()
            if report:
                self._report(process, thread, report)
        if process.changed and process.threads:
            self._list_threads(process)

    def _look_at_thread(self, process: SampledProcess, thread: SampledThread) -> Report | None:
        """Take one look at a thread.

        Raises:
            OSError: it is gone.
        """
        has_run = thread.has_run()
        now_ns = self._now_ns()
        thread.looks += 1
        thread.unlisted |= has_run
        if not has_run and thread.wait and (thread.unchanged + 1) % self.pacing.stat_every:
            thread.unchanged += 1
            thread.skip = self.pacing.skipped(thread.unchanged)
            return thread.account.unchanged(now_ns)
        stat = thread.read_stat()
        if not stat or stat.start_ticks != thread.stat.start_ticks or self._is_ours_to_reap(stat):
            raise ProcessLookupError(thread.tid)
        return self._compare(process, thread, stat, now_ns, has_run=has_run)

    def _is_ours_to_reap(self, stat: Stat) -> bool:
        return stat.letter in "ZX" and stat.parent == self._own

    def _compare(
        self, process: SampledProcess, thread: SampledThread, stat: Stat, now_ns: int, *, has_run: bool
    ) -> Report | None:
        """Compare a thread with what it was at the last look."""
        same = not has_run and thread.wait is not None and stat.letter == thread.stat.letter
        other_program = stat.program != thread.stat.program or process.has_no_command
        has_new_name = (
            thread.tid == process.pid
            and stat.letter not in "ZX"
            and other_program
            and process.identify(self._processes.get(stat.parent))
        )
        process.adopted |= stat.parent == self._own != thread.stat.parent
        thread.stat = stat
        if same:
            thread.unchanged += 1
            report = thread.account.unchanged(now_ns)
        else:
            thread.unchanged = 0
            thread.wait = self._wait_of(process, thread)
            cpu_ns, ready_ns = thread.spent() if has_run else (0, 0)
            state = thread.wait.state if thread.wait else None
            if self._late:
                gap, report = thread.account.resume(now_ns, state, cpu_ns, ready_ns)
                self._report(process, thread, gap)
            else:
                report = thread.account.look(now_ns, state, cpu_ns, ready_ns)
            process.changed |= stat.threads != len(process.threads)
        return thread.account.go_on() if report is None and has_new_name else report

    def _wait_of(self, process: SampledProcess, thread: SampledThread) -> Wait | None:
        self._ended |= thread.stat.letter in "ZX"  # its children may be ours now
        wait = ENDED if self._is_ours_to_reap(thread.stat) else thread.now_waits(thread.stat)
        if wait is UNKNOWN:
            self.hidden = self.hidden or thread.is_hidden()
        return self._lines.note(process, thread, wait)

    def _look_whether_started(self, process: SampledProcess) -> None:
        """End the state *starting* with the first event, or when it waits as no new interpreter does."""
        thread = process.threads[process.pid]
        wait = thread.wait
        rests = wait and thread.stat.letter == "S" and (wait.call != "read" or thread.unchanged > _SETTLED)
        if process.pid in self.roles or rests:
            process.starting = False
            for each in process.threads.values():
                if process.pid in self.roles or each.account.state not in BUSY:  # else the wait is told soon
                    self._report(process, each, each.account.go_on())

    def _end(self, process: SampledProcess, thread: SampledThread) -> None:
        """Report that a thread is gone; with the main thread the whole process."""
        process.changed = self._ended = True  # its children belong to another thread now, or to us
        threads = [thread] if thread.tid != process.pid else list(process.threads.values())
        for each in threads:
            if process.threads.pop(each.tid, None):
                self._lines.note(process, each, None)
                each.close()
                now_ns = self._now_ns()
                if self._late:
                    self._report(process, each, each.account.go_on(State.UNSEEN))
                report = each.account.go_on(State.GONE)
                # It was between the last look and now.
                at_ns = now_ns if self._late else (report.time_ns + now_ns) // 2
                self._report(process, each, report._replace(time_ns=at_ns))
        if thread.tid == process.pid:
            del self._processes[process.pid]
            parent = self._processes.get(thread.stat.parent)
            if parent:
                parent.changed = True  # its number may be used again
            self.roles.pop(process.pid, None)

    def _report(self, process: SampledProcess, thread: SampledThread, report: Report) -> None:
        role = self.roles.get(process.pid, process.identity.name)
        self._events.append(process.event(thread, report, role, late=self._late > 0))
