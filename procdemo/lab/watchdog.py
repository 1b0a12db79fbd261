"""Run a script until it ends or hangs, report, and leave nothing of it behind.

A program of its own (``python -m procdemo.lab.watchdog [--states] SCRIPT [METHOD] DEADLINE STILL``), so
that it can clean up after the end of the process that started it. Its stdin is a pipe: when that is closed,
the watchdog kills the script and ends. It reports on stdout, in JSON Lines::

    {"says": "a line of the script's output", "stream": "stdout"}
    {"xray": "a line about a thread of a script that hangs"}
    {"found": "a line about why it hangs"}
    {"thread": {"pid": 4711, "tid": 4711, "waits_for": "lock A, ...", ...}}
    {"circle": [[4711, 4711], [4712, 4712]]}
    {"ended": 0, "seconds": 0.31, "hung": "", "survivors": []}

With ``--states`` also what its processes do, as events (`procdemo.probe.sampler`); the last of these come
after its end::

    {"states": [["state", "blocked", {"call": "futex", ...}, 52411803021, 4711, 4711, "broken.py"]]}
    {"hidden": "what cannot be seen"}
"""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from types import FrameType
from typing import Any

from procdemo.lab.script_states import ScriptStates
from procdemo.probe import lock_holders, remote_stacks, stack_dumps, wait_graph
from procdemo.process import mp_helpers, procfs, subreaper, usage
from procdemo.process.marked_processes import remove_names, stop_and_find_names
from procdemo.process.readiness import wait_ready

_LOOK_S = 0.1
_SURVIVOR_S = 0.5  # how long a process may live after the end of the script
_HELPER_S = 3.0  # the same for helpers of multiprocessing, which tidy up first
_SEARCH_S = 5.0  # for the search who holds which lock: the script hangs, so there is time
_ANSWER_S = 1.0  # for a process to write its stacks
_NOT_KNOWN = "The lines of some threads are not known: a Python without a GIL shows one thread only."


class Watchdog:
    """One script under watch."""

    def __init__(self, script: str, arguments: list[str], folder: str, *, states: bool = False) -> None:
        """Start `script` in a process group of its own, in the working directory `folder`.

        With `states` it is also reported what each of its threads does.
        """
        self._script = script
        self._states = ScriptStates(lambda what, told: self._report(**{what: told}), wanted=states)
        self._begin = time.monotonic()
        self._popen = subprocess.Popen(
            [sys.executable, script, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            process_group=0,  # it may signal its whole group, in which we must not be
            env={**_environment(), **stack_dumps.ENVIRONMENT, "PYTHONUNBUFFERED": "1", "TMPDIR": folder},
        )
        assert self._popen.stdout  # noqa: S101 - it is a pipe
        assert self._popen.stderr  # noqa: S101
        self._streams = {self._popen.stdout.fileno(): "stdout", self._popen.stderr.fileno(): "stderr"}
        self._stderr = self._popen.stderr.fileno()
        self._rest = dict.fromkeys(self._streams, b"")
        self._status: int | None = None
        self._ending = False
        self._unread = False  # whether our stdin was closed
        self._late: list[dict[str, Any]] = []  # states to be reported when all is done
        self._states.begin(self._popen.pid, os.path.basename(script))

    def watch(self, deadline: float, still: float) -> None:
        """Report output and end. It hangs if nothing runs for `still` s, or at its `deadline`, stretched."""
        hung = ""
        last: Any = None
        moved, looked, limit = self._begin, self._begin, deadline
        while self._status is None and not hung:
            self._listen(0.02)
            now = time.monotonic()
            if now - self._begin > limit:
                limit = max(limit, deadline * usage.slowdown())
                hung = "" if now - self._begin <= limit else f"it had not ended after {deadline:g} s"
            elif procfs.LINUX and now - looked > _LOOK_S:
                looked = now
                runs, turns = procfs.activity(self._family())
                if runs or turns != last:
                    moved, last = now, turns
                elif now - moved > still:
                    hung = f"nothing had moved for {still:g} s"
        seconds = time.monotonic() - self._begin
        if hung and not self._report_hang():
            hung = ""
        survivors = [] if hung else self._survivors()
        self._report(ended=self._status, seconds=round(seconds, 3), hung=hung, survivors=survivors)

    def end(self) -> None:
        """Kill all processes that are left, helpers of multiprocessing last, because they tidy up."""
        self._ending = True
        give_up = time.monotonic() + 2 * _SURVIVOR_S
        names = stop_and_find_names(self._members)
        while family := self._family():
            late = time.monotonic() > give_up
            for pid in family:
                if late or not mp_helpers.is_tracker(pid):
                    with contextlib.suppress(ProcessLookupError):
                        _send(pid, signal.SIGKILL)
            self._listen(0.01)
        remove_names(names)
        self._reap()
        self._popen.wait()  # it is a zombie as soon as its first thread has ended, and reaped with the last
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()
        self._states.close()
        self._ending = False
        for facts in [] if self._unread else self._late:
            self._report(**facts)

    def _family(self) -> list[int]:
        """Return the PIDs of the script and of all that it started, without zombies."""
        if procfs.LINUX:
            return [pid for pid, state in procfs.descendants(os.getpid()).items() if state not in "ZX"]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            _send(self._popen.pid, 0)
            return [self._popen.pid]
        return []

    def _members(self) -> list[tuple[int, procfs.Stat]]:
        """Return the family without resource trackers (Linux)."""
        found = ((pid, procfs.stat(pid)) for pid in self._family() if not mp_helpers.is_tracker(pid))
        return [(pid, stat) for pid, stat in found if stat]

    def _survivors(self) -> list[int]:
        """Read all output, and return the processes that still live half a second after the script's end."""
        end, patience = time.monotonic(), 0.0
        while (family := self._family()) or self._streams:
            self._listen(0.01)
            late = (time.monotonic() - end) / (patience or 1.0)
            if late > _HELPER_S or (late > _SURVIVOR_S and not all(map(mp_helpers.helps_or_ends, family))):
                if patience:
                    break
                patience = usage.slowdown()  # on a busy machine a process needs longer to end
        for fd, stream in self._streams.items():  # a survivor has it open
            self._say([self._rest[fd]] if self._rest[fd] else [], stream)
        return family

    def _listen(self, seconds: float) -> None:
        """Report for `seconds` what the script writes; end if our stdin is closed."""
        inputs = list(self._streams) if self._ending else [0, *self._streams]
        for fd in wait_ready(inputs, self._states.seconds_left(seconds)):
            if fd == 0:
                self._unread = True
                raise SystemExit
            stream = self._streams[fd]
            self._say(self._lines(fd), stream)
        self._reap()
        self._states.look_if_due()

    def _lines(self, fd: int) -> list[bytes]:
        """Return the lines that have come since the last call; keep one without its end for the next."""
        chunk = os.read(fd, 65536)
        *lines, self._rest[fd] = (self._rest[fd] + chunk).split(b"\n")
        if not chunk:
            del self._streams[fd]
            return [self._rest[fd]] if self._rest[fd] else []
        return lines

    def _say(self, lines: list[bytes], stream: str) -> None:
        for line in lines:
            self._report(says=line.decode("utf-8", "backslashreplace"), stream=stream)

    def _reap(self) -> None:
        ended, _ = subreaper.reap()
        if self._popen.pid in ended:
            self._status = self._popen.returncode = ended[self._popen.pid]

    def _report_hang(self) -> bool:
        """Report which process waits for which; all of them are killed by that.

        Returns:
            False if the script has ended in this very moment: then nothing is reported or killed.
        """
        if not procfs.LINUX:
            for line in self._ask(self._popen.pid):
                self._report(xray=line)
            self._report(xray="Only Python's side is shown: what the kernel knows is read on Linux.")
            return True
        family = [pid for pid, _ in self._members()]
        seen = {pid: (procfs.parent(pid), procfs.threads(pid), procfs.descriptors(pid)) for pid in family}
        names = {pid: self._name(pid) for pid in family}
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)  # or the end of one would wake another
        self._states.look_before_kill()
        self._reap()
        if self._status is not None:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            return False
        numbers = {thread.semaphore for _, threads, _ in seen.values() for thread in threads} - {""}
        locks = lock_holders.look(family, numbers, budget_s=_SEARCH_S).locks if numbers else {}
        processes = [
            wait_graph.Process(pid, parent, names[pid], threads, files, self._stacks(pid, threads))
            for pid, (parent, threads, files) in seen.items()
        ]
        graph = wait_graph.describe(processes, self._script, locks)
        for what, told in (("xray", graph.lines), ("found", graph.found), ("thread", graph.rows)):
            for each in told:
                self._report(**{what: each})
        if graph.circle:
            self._report(circle=graph.circle)
        if remote_stacks.NEEDED and not all(stack for each in processes for stack in each.stacks):
            self._report(found=_NOT_KNOWN)
        return True

    def _stacks(self, pid: int, threads: list[procfs.Thread]) -> list[stack_dumps.Stack]:
        """Return a stack for each of these threads of a process; it is killed by that, or by `end`."""
        if mp_helpers.helper_of(pid):
            return []
        if remote_stacks.NEEDED and (read := remote_stacks.read(pid)):
            return [read.get(thread.tid, []) for thread in threads]
        return stack_dumps.by_age(stack_dumps.parse("\n".join(self._ask(pid))), len(threads))

    def _name(self, pid: int) -> str:
        return "main" if pid == self._popen.pid else mp_helpers.helper_of(pid) or f"child {pid}"

    def _ask(self, pid: int) -> list[str]:
        """Return what a process writes to stderr when SIGABRT asks it for its stacks, and kills it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGABRT)
            os.kill(pid, signal.SIGCONT)
        said: list[str] = []
        give_up, over, patience = time.monotonic() + _ANSWER_S, False, 0.0
        while not (patience and time.monotonic() > give_up):
            if wait_ready([self._stderr], 0.01) and self._stderr in self._streams:
                said.extend(line.decode("utf-8", "backslashreplace") for line in self._lines(self._stderr))
            elif over:
                break
            over = not procfs.command(pid)  # a zombie, or gone; what it has written may be unread still
            if not patience and time.monotonic() > give_up:  # on a busy machine it needs longer to answer
                patience = usage.slowdown()
                give_up = time.monotonic() + _ANSWER_S * patience
            self._states.look_if_due()
            self._reap()
        return said

    def _report(self, **facts: Any) -> None:
        if self._ending:  # perhaps the reader has gone, and there is still work to do
            self._late += [facts] * ("states" in facts)
            return
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def _ignore(_signum: int, _frame: FrameType | None) -> None:
    """Do nothing: the watchdog is ended by closing its stdin."""


def _send(pid: int, signum: int) -> None:
    """Signal a process, or its group on a system where we cannot find its descendants."""
    (os.kill if procfs.LINUX else os.killpg)(pid, signum)


def _environment() -> dict[str, str]:
    """Return our environment without the variables that change how Python behaves."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def main() -> None:
    """Watch the script that the command line names."""
    states = sys.argv[1] == "--states"
    script, *arguments, deadline, still = sys.argv[1 + states :]
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _ignore)  # not SIG_IGN, which the script would inherit
    # No core dump of a process that is asked for its stacks: core(5).
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    subreaper.adopt_orphans()
    folder = tempfile.mkdtemp(prefix="lab-")
    try:
        watchdog = Watchdog(script, arguments, folder, states=states)
        try:
            watchdog.watch(float(deadline), float(still))
        finally:
            watchdog.end()
    except BrokenPipeError:  # the reader of the report has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
