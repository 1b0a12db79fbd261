"""The main process of a pre-forked server: keep N workers at work, whatever happens to them.

It binds the listener, lends it to the workers, and never accepts. It waits for three things,
in one loop: the end of a worker (its sentinel), the request to stop, and the next look at the
clock. A signal only ends that wait (`StoppableLoop`), so none comes at a wrong moment.

  a worker ends         it is replaced, at once; after a pause that doubles, if it died young
  no heartbeat          it was stopped, or hangs in C: reported, killed, replaced
  it cannot be started  at boot the server gives up, later it tries again after a pause
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, LimitArg, usable_cpus
from procdemo.process import exit_status
from procdemo.process.backoff import Backoff
from procdemo.process.children import Child, Children
from procdemo.process.exit_status import Exit, cause, report_exit
from procdemo.process.record_pipe import channel
from procdemo.servers.scoreboard import HEARTBEAT, PRESENT, REFUSED, SERVED, UP, Scoreboard, Slot
from procdemo.servers.settings import ServerSettings
from procdemo.servers.shared_listener import SharedListener
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (exit_status,)
STORY = {
    "waits.begin": "clients that wait in the kernel's backlog: {clients}",
    "waits.end": "no client waits in the kernel's backlog any more",
    "died": "{child} (PID {child_pid}) is lost, {cause}, and {clients} client(s) with it",
    "killed": "main has killed {child} (PID {child_pid}), and {clients} client(s) are cut off with it",
    "cut off": "{client} is cut off, because {worker} (PID {worker_pid}) is dead; no other client notices",
    "back-off": "workers die young: a pause of {seconds} s before the next",
    "not started": "{worker} cannot be started: {why}",
    "takes over": "{worker} (PID {worker_pid}) takes over from {before}",
    "no pulse": "{worker} (PID {worker_pid}) has shown no sign of life for {seconds:.1f} s",
    "draining": "no new clients; {busy} may finish within {grace} s; {waiting} in the backlog are reset",
}
DETAIL = {"ready": "accepts clients"}

_YOUNG_S = 1.0  # a worker that dies within this time may do so because of what all workers do
_BOOT_S = 30.0  # longest time from the start of a worker until it is ready
_BACKLOG_S = 0.1  # between two looks at the backlog
_LOOKS = 4  # at the heartbeats of all workers, in one heartbeat time-out


@dataclass(frozen=True, slots=True, kw_only=True)
class PreforkSettings(ServerSettings):
    """Settings of servers with workers that accept for themselves."""

    workers: Annotated[int, Arg("Worker processes.", min=1, max=1000, short="-n")] = usable_cpus()
    heartbeat: Annotated[
        float, LimitArg("Kill a worker that gives no sign of life for so long.", min=0.1, metavar="SECONDS")
    ] = 5.0

    @property
    def pace(self) -> float:
        """Seconds after which a worker that waits for a client shows that it lives."""
        return min(0.5, self.heartbeat / _LOOKS / 2)


@dataclass(slots=True)
class _Worker:
    """What the arbiter knows of a worker, besides its process."""

    child: Child
    row: int
    replaces: str
    """The name of the worker that had the row before; empty when the replacement was reported."""
    heartbeats: int
    """As counted at the last look."""
    missed: int = 0
    """Looks in a row without a new heartbeat."""


class Arbiter:
    """Starts the workers, replaces those that have ended, and ends them all (gunicorn's term)."""

    def __init__(
        self,
        loop: StoppableLoop,
        listener: SharedListener,
        work: Callable[..., None],
        config: Any,
        emit: Emitter,
    ) -> None:
        """Prepare.

        Args:
            loop: what this process waits with.
            listener: what the workers accept from.
            work: what a worker does, ``work(socket, config, slot, emit)``.
            config: `PreforkSettings`.
            emit: where to report.
        """
        self._loop = loop
        self._listener = listener
        self._work = work
        self._config = config
        self._emit = emit
        self._context = config.context()
        self._scoreboard = Scoreboard(config.workers)
        self._children = Children(loop, self._on_exit)
        self._workers: dict[int, _Worker] = {}  # by row
        self._missing = dict.fromkeys(range(config.workers), "")  # free rows, and their last workers
        self._started = 0
        self._backoff = Backoff()
        self._look_at = 0.0
        self._accepted = 0
        self._in_backlog = self._waiting = self._booted = self._draining = self._lost = False
        self._notes, self._note = channel()
        loop.add_reader(self._notes, self._on_ready)
        self._failure = ""  # why there is no service; empty if there is
        self._cut_off = 0

    def account(self) -> dict[str, Any]:
        """Return the data of a summary: what became of every client, also of lost workers."""
        data = {"served": SERVED, "refused": REFUSED}
        account: dict[str, Any] = {name: self._scoreboard.total(cell) for name, cell in data.items()}
        account.update(ok=not self._failure, cut_off=self._cut_off, workers=self._started)
        if self._failure:
            account["reason"] = self._failure
        return account

    def boot(self) -> None:
        """Start the workers; report `listening` when all accept clients, unless asked to stop before."""
        self._keep_workers(until=lambda: self._all_up)
        self._booted = not self._loop.stopping
        if self._booted:
            self._listener.announce()

    def run(self) -> None:
        """Keep the workers at work until this process is asked to stop."""
        self._keep_workers(until=lambda: False)

    def _keep_workers(self, until: Callable[[], bool]) -> None:
        while not self._loop.stopping and not until():
            self._lost = False
            self._loop.wait_until(
                lambda: self._loop.stopping or self._lost or until(), self._do_what_is_due()
            )

    def drain(self, grace: float) -> None:
        """Accept no more clients; give the workers `grace` seconds to finish, then kill them."""
        self._draining = True
        busy, waiting = self._scoreboard.total(PRESENT), self._listener.backlog()
        self._scoreboard.close()
        self._listener.shut()
        if busy or waiting:
            self._emit.mark("draining", busy=busy, waiting=waiting, grace=grace)
        self._children.stop(grace)
        self._loop.remove_reader(self._notes)
        self._notes.close()
        self._note.close()

    @property
    def _all_up(self) -> bool:
        up: int = self._scoreboard.total(UP)
        return up == self._scoreboard.workers

    def _do_what_is_due(self) -> float:
        """Start workers, check heartbeats, look at the backlog; return how long nothing will be due."""
        now = time.monotonic()
        if self._missing and self._backoff.over:
            self._start_missing_workers()
        if now >= self._look_at:
            self._check_heartbeats()
            self._look_at = time.monotonic() + self._config.heartbeat / _LOOKS
        self._watch_backlog()
        due = min(self._look_at, self._backoff.until if self._missing else self._look_at)
        return max(min(due - time.monotonic(), _BACKLOG_S), 0)

    def _start_missing_workers(self) -> None:
        now = time.monotonic()
        for row, before in list(self._missing.items()):
            slot = Slot(self._scoreboard, row, self._note, self._listener.clients)
            name = f"worker-{self._started}"
            try:
                with self._listener.lend() as sock:
                    args = (sock, self._config, slot, self._emit)
                    child = self._children.start(
                        self._context.Process(target=self._work, args=args, name=name)
                    )
            except OSError as error:  # no more processes for this user, or no memory
                self._emit.mark("not started", worker=name, why=error.strerror or str(error))
                self._give_up_at_boot(f"{name} cannot be started: {error.strerror}")
                self._put_off(now)
                return
            self._started += 1
            del self._missing[row]
            self._workers[row] = _Worker(child, row, before, self._scoreboard.get(row, HEARTBEAT))

    def _put_off(self, started: float) -> None:
        """Start the next worker after a pause, twice as long as the last one."""
        if self._backoff.begin_pause(started):  # False for the other deaths of the round: one pause for all
            self._emit.mark("back-off", seconds=self._backoff.pause)

    def _on_ready(self) -> None:
        for _, row in self._notes.read() or ():
            worker = self._workers.get(row)
            if worker and worker.replaces:
                name, pid = worker.child.name, worker.child.pid
                self._emit.mark("takes over", worker=name, worker_pid=pid, before=worker.replaces)
                worker.replaces = ""

    def _on_exit(self, exited: Exit) -> None:
        """Report the end of a worker and of its clients; let it be replaced."""
        worker = next(each for each in self._workers.values() if each.child.pid == exited.pid)
        del self._workers[worker.row]
        was_up = self._scoreboard.get(worker.row, UP)
        clients = self._scoreboard.vacate(worker.row)
        self._cut_off += clients
        report_exit(self._emit, exited, clients=clients)
        if clients == 1 and (client := self._scoreboard.client(worker.row)):
            self._emit.mark("cut off", client=client, worker=exited.name, worker_pid=exited.pid)
        if self._draining:
            return
        if not was_up and (exited.exitcode or 0) >= 0:
            # It ended by itself, no signal killed it: the next worker would fail the same way.
            self._give_up_at_boot(f"{exited.name} failed before it could accept: {cause(exited.exitcode)}")
        self._missing[worker.row] = exited.name
        self._lost = True
        started = worker.child.started
        if time.monotonic() - started < _YOUNG_S:
            self._put_off(started)
        else:
            self._backoff.reset(started)

    def _give_up_at_boot(self, why: str) -> None:
        """Stop the server at boot; later the other workers go on, and the next starts after a pause."""
        if not self._booted:
            self._failure = self._failure or why
            self._loop.stop()

    def _check_heartbeats(self) -> None:
        """Report workers without a heartbeat, and kill those that still have none at the next look.

        If all processes wait for a reader of events, a worker cannot show that it lives: then nothing
        is counted.
        """
        stalled = self._emit.stalled
        for worker in self._workers.values():
            child, up = worker.child, self._scoreboard.get(worker.row, UP)
            heartbeats = self._scoreboard.get(worker.row, HEARTBEAT)
            alive = stalled or heartbeats != worker.heartbeats or not up
            worker.missed, worker.heartbeats = 0 if alive else worker.missed + 1, heartbeats
            if worker.missed == _LOOKS:
                seconds = self._config.heartbeat
                self._emit.mark("no pulse", worker=child.name, worker_pid=child.pid, seconds=seconds)
            elif worker.missed > _LOOKS or (not up and time.monotonic() > child.started + _BOOT_S):
                child.kill()

    def _watch_backlog(self) -> None:
        """Report when clients begin, or end, to wait in the kernel.

        They wait if there are some at two looks in a row, and none was accepted meanwhile: at one look
        alone there may be a client that a worker is just about to accept.
        """
        accepted = sum(self._scoreboard.total(cell) for cell in (PRESENT, SERVED, REFUSED))
        stands_still = accepted == self._accepted
        self._accepted = accepted
        clients = self._listener.backlog() if self._waiting or stands_still else 0
        again = bool(clients) and self._in_backlog
        self._in_backlog = bool(clients)
        if again and not self._waiting:
            busy = sum(bool(self._scoreboard.get(row, PRESENT)) for row in self._workers)
            self._emit.begin("waits", clients=clients, busy=busy, workers=self._config.workers)
            self._waiting = True
        elif self._waiting and not clients:
            self._emit.end("waits")
            self._waiting = False
