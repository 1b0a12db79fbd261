"""Who works in the cluster, on which host, and what their clocks show: the main process's side.

Each host has a monotonic clock of its own, which began when it was booted. The difference to ours
is measured as NTP does it: a question and its answer, the time of the answer compared with the
middle of both of ours; of a few tries the fastest counts, and it is wrong by half its duration at most
(D. Mills, RFC 5905, section 8).
"""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from procdemo.cluster.remote import Introduction, RemoteWriter, introduce
from procdemo.demo.events import Emitter
from procdemo.process.thread_calls import ThreadCalls

_QUESTIONS = 5
_LARGEST_PID = 1 << 22  # PID_MAX_LIMIT in the kernel's include/linux/threads.h
_ANSWER_S = 5.0


class Member(NamedTuple):
    """One process of the cluster, as the pictures show it."""

    role: str
    pid: int
    """As on its host; made unique by a multiple of 4,194,304 if another process has the same."""
    real_pid: int
    ahead_ns: int
    """What its clock shows more than ours."""


class Workers:
    """All workers that were ever there, by address."""

    def __init__(self, client: Any, errands: ThreadCalls, emit: Emitter) -> None:
        """Listen to what workers report on the topic of this run, and to who comes and goes."""
        self.topic = f"procdemo-{uuid.uuid4().hex}"
        self.heard: Callable[[str, list[Any]], None] = lambda _address, _record: None
        """Called with each event of a worker, by its address, after it was relayed."""
        self.noted: Callable[..., None] = lambda *_: None
        """Called with each note, which is no event: what kind ``note`` and its data say."""
        self.lost: Callable[[str, Member], None] = lambda _address, _worker: None
        """Called when one has left the cluster, for whatever reason."""
        self._client = client
        self._emit = emit
        self._known: dict[str, Member] = {}
        self._gone: set[str] = set()
        self._pids = {os.getpid()}
        self._here = introduce()[:2]
        self._clocks = {self._here: 0}
        client.subscribe_topic(self.topic, lambda event: errands.call_soon(self._relay, event[1]))
        client.subscribe_topic("all", lambda event: errands.call_soon(self._notice, event[1]))

    @property
    def present(self) -> list[str]:
        """The addresses of those that can work."""
        return [address for address in self._known if address not in self._gone]

    def wire(self, role: str = "") -> RemoteWriter:
        """Return what a task's emitter writes to."""
        return RemoteWriter(self.topic, role)

    def greet(self, *, tell: bool = True) -> None:
        """Get to know those that are there already, in the order of their addresses; `tell` of each."""
        for address in sorted(self._client.nthreads()):
            self.get(address, tell=tell)

    def get(self, address: str, *, tell: bool = True) -> Member | None:
        """Return the worker at `address`; ask who it is if that is not known yet, None if it is gone."""
        if address not in self._known:
            said = self._ask(address)
            if said is None:
                return None
            ahead_ns = self._clock(address, said)
            role = f"worker-{len(self._pids) - 1}" + ("" if said[:2] == self._here else f"@{said.host}")
            pid = said.pid
            while pid in self._pids:
                pid += _LARGEST_PID
            self._pids.add(pid)
            self._known[address] = Member(role, pid, said.pid, ahead_ns)
            if tell:
                now = said.time_ns - ahead_ns
                self._emit.relay(("mark", "ready", {"address": address}, now, pid, pid, role))
        return self._known[address]

    def _ask(self, address: str) -> Introduction | None:
        try:
            ask = self._client._run  # noqa: SLF001 - run() has no time limit
            limit = {"callback_timeout": _ANSWER_S}
            answer = self._client.sync(ask, introduce, workers=[address], on_error="return", **limit)[address]
        except (KeyError, OSError):  # it has left; TimeoutError is an OSError
            return None
        if isinstance(answer, (tuple, list)):
            return Introduction(*answer)
        if isinstance(answer, OSError):
            return None
        raise answer

    def _clock(self, address: str, said: Introduction) -> int:
        """Return by how much the clock of the host is ahead of ours."""
        if said[:2] not in self._clocks:
            tries = []
            for _ in range(_QUESTIONS):
                before = time.monotonic_ns()
                again = self._ask(address)
                after = time.monotonic_ns()
                if again:
                    tries.append((after - before, again.time_ns - (before + after) // 2))
            if not tries:
                return 0
            within, ahead = min(tries)
            # One host under two names (a container, say) has one clock.
            ahead = 0 if abs(ahead) <= within // 2 else ahead
            self._clocks[said[:2]] = ahead
            facts = {"host": said.host, "ahead_s": ahead / 1e9, "within_ms": within / 2e6}
            self._emit.mark("host", address=address, **facts)
        return self._clocks[said[:2]]

    def _relay(self, letter: list[Any]) -> None:
        """Report what a worker has, at our time and under its name."""
        address, kind, name, data, time_ns, _, tid, role = letter
        worker = self.get(address)
        if worker is None:
            return
        if kind == "note":
            self.noted(*data["note"])
            return
        role = "".join([role, *worker.role.partition("@")[1:]]) if role else worker.role
        tid += worker.pid - worker.real_pid
        record = (kind, name, data, time_ns - worker.ahead_ns, worker.pid, tid, role)
        self._emit.relay(record)
        self.heard(address, list(record))

    def _notice(self, news: Any) -> None:
        """Hear of one that came, or left."""
        match news:
            case {"action": "add-worker", "worker": str(address)}:
                if address in self._gone:  # another process, on the port of the one that left
                    self._gone.discard(address)
                    del self._known[address]
                try:
                    self.get(address)
                except Exception as error:  # noqa: BLE001 - one that came later: the others work on
                    why = f"{type(error).__name__}: {error}"[:300]
                    self._emit.mark("unfit", address=address, error=why)
            case {"action": "remove-worker", "worker": str(address)} if address not in self._gone:
                if worker := self._known.get(address):
                    self._gone.add(address)
                    self.lost(address, worker)
