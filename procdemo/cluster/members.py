"""The worker processes of a cluster, their hosts and their clocks, as the main process knows them.

Each host has a monotonic clock of its own, which began when the host was booted. Its difference to our clock
is measured as NTP does it (D. Mills, RFC 5905, section 8): ask a worker for its time, and compare the answer
with the middle between question and answer. Of a few tries the fastest counts, because it is wrong by half
its duration at most.
"""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from procdemo.cluster.remote import Identity, RemoteWriter, identify
from procdemo.demo.events import Emitter
from procdemo.process.thread_calls import ThreadCalls

_CLOCK_TRIES = 5
_LARGEST_PID = 1 << 22  # PID_MAX_LIMIT in the kernel's include/linux/threads.h
_ANSWER_S = 5.0


class Member(NamedTuple):
    """One worker process of the cluster, as the pictures show it."""

    role: str
    pid: int
    """As on its host; made unique by a multiple of 4,194,304 if another process has the same PID."""
    real_pid: int
    ahead_ns: int
    """By how many nanoseconds its clock is ahead of ours."""


class Members:
    """All workers that have ever been in the cluster, by address."""

    def __init__(self, client: Any, thread_calls: ThreadCalls, emit: Emitter) -> None:
        """Subscribe to the events of workers on the topic of this run, and to their arrival and departure.

        Args:
            client: dask's client.
            thread_calls: brings what dask's thread hears to the main thread.
            emit: gets the events of all workers.
        """
        self.topic = f"procdemo-{uuid.uuid4().hex}"
        self.on_event: Callable[[str, list[Any]], None] = lambda _address, _record: None
        """Called with the address of a worker and each of its events, after the event was relayed."""
        self.on_note: Callable[..., None] = lambda *_: None
        """Called with the contents of each note: a record of the kind ``note``, which is not an event."""
        self.on_lost: Callable[[str, Member], None] = lambda _address, _member: None
        """Called with the address of each worker that has left the cluster, whatever the reason."""
        self._client = client
        self._emit = emit
        self._known: dict[str, Member] = {}
        self._gone: set[str] = set()
        self._pids = {os.getpid()}
        self._own_host = identify()[:2]
        self._clocks = {self._own_host: 0}
        client.subscribe_topic(self.topic, lambda event: thread_calls.call_soon(self._relay, event[1]))
        client.subscribe_topic(
            "all", lambda event: thread_calls.call_soon(self._on_membership_change, event[1])
        )

    @property
    def present(self) -> list[str]:
        """The addresses of the workers that are in the cluster now."""
        return [address for address in self._known if address not in self._gone]

    def writer(self, role: str = "") -> RemoteWriter:
        """Return what the emitter of a task writes to; `role` instead of the worker's own, if given."""
        return RemoteWriter(self.topic, role)

    def find_all(self, *, report: bool = True) -> None:
        """Get every worker that is in the cluster, in the order of addresses; `report` each as ready."""
        for address in sorted(self._client.nthreads()):
            self.get_or_ask(address, report=report)

    def get_or_ask(self, address: str, *, report: bool = True) -> Member | None:
        """Return the worker at `address`, None if it has left; a worker that is not known yet is asked."""
        if address not in self._known:
            identity = self._ask(address)
            if identity is None:
                return None
            ahead_ns = self._clock(address, identity)
            on_own_host = identity[:2] == self._own_host
            role = f"worker-{len(self._pids) - 1}" + ("" if on_own_host else f"@{identity.host}")
            pid = identity.pid
            while pid in self._pids:
                pid += _LARGEST_PID
            self._pids.add(pid)
            self._known[address] = Member(role, pid, identity.pid, ahead_ns)
            if report:
                now = identity.time_ns - ahead_ns
                self._emit.relay(("mark", "ready", {"address": address}, now, pid, pid, role))
        return self._known[address]

    def _ask(self, address: str) -> Identity | None:
        """Return what the worker at `address` says of itself, None if it has left."""
        try:
            ask = self._client._run  # noqa: SLF001 - run() has no time limit
            limit = {"callback_timeout": _ANSWER_S}
            answer = self._client.sync(ask, identify, workers=[address], on_error="return", **limit)[address]
        except (KeyError, OSError):  # it has left; TimeoutError is an OSError
            return None
        if isinstance(answer, (tuple, list)):
            return Identity(*answer)
        if isinstance(answer, OSError):
            return None
        raise answer

    def _clock(self, address: str, identity: Identity) -> int:
        """Return by how many nanoseconds the clock of a worker's host is ahead of ours."""
        host = identity[:2]
        if host not in self._clocks:
            tries = []
            for _ in range(_CLOCK_TRIES):
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
            self._clocks[host] = ahead
            facts = {"host": identity.host, "ahead_s": ahead / 1e9, "within_ms": within / 2e6}
            self._emit.mark("host", address=address, **facts)
        return self._clocks[host]

    def _relay(self, message: list[Any]) -> None:
        """Report the event of a worker, with our time, and with the PID and role that we gave the worker."""
        address, kind, name, data, time_ns, _, tid, role = message
        member = self.get_or_ask(address)
        if member is None:
            return
        if kind == "note":
            self.on_note(*data["note"])
            return
        role = "".join([role, *member.role.partition("@")[1:]]) if role else member.role
        tid += member.pid - member.real_pid
        record = (kind, name, data, time_ns - member.ahead_ns, member.pid, tid, role)
        self._emit.relay(record)
        self.on_event(address, list(record))

    def _on_membership_change(self, message: Any) -> None:
        """Handle what the scheduler reports: a worker has joined the cluster, or has left it."""
        match message:
            case {"action": "add-worker", "worker": str(address)}:
                if address in self._gone:  # another process, on the port of the one that left
                    self._gone.discard(address)
                    del self._known[address]
                try:
                    self.get_or_ask(address)
                except Exception as error:  # noqa: BLE001 - it joined later: the others go on without it
                    self._emit.mark("unfit", address=address, error=f"{type(error).__name__}: {error}")
            case {"action": "remove-worker", "worker": str(address)} if address not in self._gone:
                if member := self._known.get(address):
                    self._gone.add(address)
                    self.on_lost(address, member)
