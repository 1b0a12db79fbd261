"""The parent of a pre-forked server: keep N workers at work, whatever becomes of them.

It binds the listener, lends it to the workers, and never accepts. It waits for three things,
in one loop: the end of a worker (its sentinel), the request to stop, and the next look at the
clock. A signal is only a byte in a pipe by then (`Listener`), so none comes at a wrong moment.

  a worker ends         another takes its row, at once; after a pause that doubles, if it died young
  it has no pulse       it was stopped, or hangs in C: named, killed, replaced
  it cannot even begin  at boot the server gives up, later it tries again after a pause
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Annotated, Any

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, usable_cpus
from procdemo.process.backoff import Backoff
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, cause
from procdemo.process.record_pipe import channel
from procdemo.servers.scoreboard import PRESENT, PULSE, REFUSED, SERVED, UP, Scoreboard, Slot
from procdemo.servers.settings import ServerSettings
from procdemo.servers.shared_listener import SharedListener

STORY = {
    "waits.begin": "{clients} connected, but in the kernel's backlog: {busy} of {workers} workers are busy",
    "waits.end": "nobody waits in the kernel's backlog any more",
    "worker lost": "{worker} (PID {worker_pid}) is lost, {cause}, and {clients} client(s) with it",
    "cut off": "client {client} is cut off: its worker, PID {worker_pid}, is dead; nobody else notices",
    "back-off": "workers die young: a pause of {seconds} s before the next",
    "not started": "{worker} cannot be started: {why}",
    "takes over": "{worker} (PID {worker_pid}) takes over from {before}",
    "no pulse": "{worker} (PID {worker_pid}) has shown no sign of life for {seconds:.1f} s",
    "draining": "no new clients; {busy} may finish within {grace} s; {waiting} in the backlog are reset",
}
DETAIL = {"ready": "accepts clients"}
"""Sentences of a pre-forked server; a pattern's STORY and DETAIL take them in."""

_YOUNG_S = 1.0  # who dies within this time of its birth may do so because of what all workers do
_BOOT_S = 30.0  # longest wait for a new worker's hello
_ROUND_S = 0.1  # between two looks at the backlog
_LOOKS = 4  # in one heartbeat time-out


@dataclass(frozen=True, slots=True, kw_only=True)
class PreforkSettings(ServerSettings):
    """Settings of servers with workers that accept for themselves."""

    workers: Annotated[int, Arg("Processes that accept.", min=1, max=1000, short="-n")] = usable_cpus()
    heartbeat: Annotated[
        float, Arg("Workers without a sign of life for so long are killed.", min=0.1, metavar="SECONDS")
    ] = 5.0

    @property
    def pace(self) -> float:
        """Seconds after which whoever waits for a client looks up, and shows that it lives."""
        return min(0.5, self.heartbeat / _LOOKS / 2)


@dataclass(slots=True)
class _Worker:
    """What the parent knows of a worker."""

    process: BaseProcess
    row: int
    born: float
    instead_of: str
    pulse: int = 0
    silent: int = 0  # looks in a row without a new pulse


class Arbiter:
    """Starts the workers, replaces those that are lost, and ends them."""

    def __init__(self, door: SharedListener, work: Callable[..., None], config: Any, emit: Emitter) -> None:
        """Prepare.

        Args:
            door: what the workers accept from, and what this process waits with.
            work: a worker's life, ``work(listener, config, seat, emit)``.
            config: `PreforkSettings`.
            emit: where to report.
        """
        self._door = door
        self._work = work
        self._config = config
        self._emit = emit
        self._context = config.context()
        self._roster = Scoreboard(config.workers)
        self._crew = Children(door.loop, self._on_exit)
        self._workers: dict[int, _Worker] = {}  # by row
        self._before = dict.fromkeys(range(config.workers), "")  # who had a row that is free now
        self._born = 0
        self._backoff = Backoff()
        self._look_at = 0.0
        self._let_in = 0
        self._in_backlog = self._waiting = self._booted = self._draining = self._lost = False
        self._notes, self._note = channel()
        door.loop.add_reader(self._notes, self._hear)
        self._failure = ""  # why there is no service; nothing if there is
        self._cut_off = 0

    def account(self) -> dict[str, Any]:
        """Return the data of a summary: what became of every client, dead workers' too."""
        data = {"served": SERVED, "refused": REFUSED}
        account: dict[str, Any] = {name: self._roster.total(cell) for name, cell in data.items()}
        account.update(ok=not self._failure, cut_off=self._cut_off, workers=self._born)
        if self._failure:
            account["reason"] = self._failure
        return account

    def boot(self) -> None:
        """Start the workers; report `listening` when all accept clients, unless asked to stop before."""
        self._keep_up(until=lambda: self._up)
        self._booted = not self._door.stopping
        if self._booted:
            self._door.announce()

    def stand_by(self) -> None:
        """Keep the workers at work until this process is asked to stop."""
        self._keep_up(until=lambda: False)

    def _keep_up(self, until: Callable[[], bool]) -> None:
        while not self._door.stopping and not until():
            self._lost = False
            self._door.loop.wait_until(lambda: self._door.stopping or self._lost or until(), self._round())

    def drain(self, grace: float) -> None:
        """Let nobody in any more; give the workers `grace` seconds to finish, then kill."""
        self._draining = True
        busy, waiting = self._roster.total(PRESENT), self._door.backlog()
        self._roster.close()
        self._door.shut()
        if busy or waiting:
            self._emit.mark("draining", busy=busy, waiting=waiting, grace=grace)
        self._crew.stop(grace)
        self._door.loop.remove_reader(self._notes)
        self._notes.close()
        self._note.close()

    @property
    def _up(self) -> bool:
        up: int = self._roster.total(UP)
        return up == self._roster.workers

    def _round(self) -> float:
        """Do what is due; return how long nothing will be."""
        now = time.monotonic()
        if self._before and self._backoff.over:
            self._start_missing()
        if now >= self._look_at:
            self._feel_pulses()
            self._look_at = time.monotonic() + self._config.heartbeat / _LOOKS
        self._watch_backlog()
        due = min(self._look_at, self._backoff.until if self._before else self._look_at)
        return max(min(due - time.monotonic(), _ROUND_S), 0)

    def _start_missing(self) -> None:
        now = time.monotonic()
        for row, before in list(self._before.items()):
            seat = Slot(self._roster, row, self._note)
            name = f"worker-{self._born}"
            try:
                with self._door.lend() as listener:
                    args = (listener, self._config, seat, self._emit)
                    process = self._context.Process(target=self._work, args=args, name=name)
                    self._crew.start(process)
            except OSError as error:  # no more processes for this user, or no memory
                self._emit.mark("not started", worker=name, why=error.strerror or str(error))
                self._give_up_at_boot(f"{name} cannot be started: {error.strerror}")
                self._put_off(now)
                return
            self._born += 1
            del self._before[row]
            pulse = self._roster.get(row, PULSE)
            self._workers[row] = _Worker(process, row, time.monotonic(), before, pulse)

    def _put_off(self, born: float) -> None:
        """Let the next start wait, twice as long as the last time."""
        if self._backoff.failed(born):  # those who die together are replaced together
            self._emit.mark("back-off", seconds=self._backoff.pause)

    def _hear(self) -> None:
        for _, row in self._notes.read() or ():
            worker = self._workers.get(row)
            if worker and worker.instead_of:
                name, pid = worker.process.name, worker.process.pid
                self._emit.mark("takes over", worker=name, worker_pid=pid, before=worker.instead_of)
                worker.instead_of = ""

    def _on_exit(self, exited: Exit) -> None:
        """Sort out what a worker leaves behind."""
        worker = next(each for each in self._workers.values() if each.process.pid == exited.pid)
        del self._workers[worker.row]
        was_up = self._roster.get(worker.row, UP)
        clients = self._roster.vacate(worker.row)
        self._cut_off += clients
        if self._draining and not clients:
            return
        name, pid, why = exited.name, exited.pid, cause(exited.exitcode)
        self._emit.mark("worker lost", worker=name, worker_pid=pid, cause=why, clients=clients)
        if clients == 1 and (client := self._roster.client(worker.row)):
            self._emit.mark("cut off", client=client, worker_pid=pid)
        if self._draining:
            return
        if not was_up and (exited.exitcode or 0) >= 0:
            self._give_up_at_boot(f"{name} failed before it could accept: {why}")
        self._before[worker.row] = name
        self._lost = True
        if time.monotonic() - worker.born < _YOUNG_S:
            self._put_off(worker.born)
        else:
            self._backoff.worked(worker.born)

    def _give_up_at_boot(self, why: str) -> None:
        """Stop if it never worked; later the others go on, and the next is tried after a pause."""
        if not self._booted:
            self._failure = self._failure or why
            self._door.stop()

    def _feel_pulses(self) -> None:
        """Find workers that show no sign of life: say so, and kill those that still do not at the next look.

        Where everybody waits for a reader of events, a worker cannot show that it lives: then nothing
        is counted.
        """
        stalled = self._emit.stalled
        for worker in self._workers.values():
            pulse = self._roster.get(worker.row, PULSE)
            beats = stalled or pulse != worker.pulse or not self._roster.get(worker.row, UP)
            worker.silent, worker.pulse = 0 if beats else worker.silent + 1, pulse
            late = time.monotonic() - worker.born - _BOOT_S
            if worker.silent == _LOOKS:
                name, pid, seconds = worker.process.name, worker.process.pid, self._config.heartbeat
                self._emit.mark("no pulse", worker=name, worker_pid=pid, seconds=seconds)
            elif worker.silent > _LOOKS or (late > 0 and not self._roster.get(worker.row, UP)):
                worker.process.kill()

    def _watch_backlog(self) -> None:
        """Say when clients begin, or end, to wait in the kernel.

        They wait if it has some at two looks in a row, and nobody was let in meanwhile: at one look
        alone there may be somebody whom a worker is just about to accept.
        """
        let_in = sum(self._roster.total(cell) for cell in (PRESENT, SERVED, REFUSED))
        stands_still, self._let_in = let_in == self._let_in, let_in
        clients = self._door.backlog() if self._waiting or stands_still else 0
        again, self._in_backlog = bool(clients) and self._in_backlog, bool(clients)
        if again and not self._waiting:
            busy = sum(bool(self._roster.get(row, PRESENT)) for row in self._workers)
            self._emit.begin("waits", clients=clients, busy=busy, workers=self._config.workers)
            self._waiting = True
        elif self._waiting and not clients:
            self._emit.end("waits")
            self._waiting = False
