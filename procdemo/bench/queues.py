"""How many small items a second each kind of queue moves.

What to watch:
  - a queue between processes costs a pickle, a system call and a lock for
    each message. A hundred items in one message are many times faster
  - a Manager's queue lives in a process of its own: each item is a request
    over a socket
  - threads need none of this, but share the lock of one interpreter

\b
Try:
  procdemo bench queues
  procdemo bench queues --producers 1 --consumers 1
  procdemo bench queues --json > old.jsonl
  procdemo bench queues --compare old.jsonl

Compare with: prodcons, which shows one queue at work.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.managers import SyncManager
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Annotated, Any, Self

from procdemo.bench import comparison
from procdemo.bench.comparison import BenchSettings, Design, compare
from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError

BLOCKS = (comparison,)
ITEM = (12345, 3.14, "bun")
BATCH = 100
_END = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    producers: Annotated[int, Arg("Producer processes.", min=1, max=64)] = 2
    consumers: Annotated[int, Arg("Consumer processes.", min=1, max=64)] = 2


def produce(gate: Connection, put: Callable[[Any], Any], message: Any, count: int) -> None:
    """Wait until the gate opens, then put `message` `count` times."""
    gate.send("ready")
    gate.recv()
    for _ in range(count):
        put(message)


def consume(gate: Connection, get: Callable[[], Any], done: Callable[[], Any] | None) -> None:
    """Wait until the gate opens, get messages until the end; send their number, and when the last came."""
    gate.send("ready")
    gate.recv()
    count, last, clock = 0, 0.0, time.monotonic
    while get() is not _END:
        last = clock()
        count += 1
        if done:
            done()
    gate.send((count, last))


class Team:
    """Producers and consumers: each a process or a thread, each with a pipe to us, its gate.

    A context manager, which waits for their end.
    """

    def __init__(self) -> None:
        """Begin without members."""
        self._members: dict[Connection, Any] = {}

    def start(self, make: Callable[..., Any], target: Callable[..., None], *args: Any) -> Connection:
        """Start ``make(target=target, args=(gate, *args))``; return our side of the gate."""
        ours, theirs = Pipe()
        member = make(target=target, args=(theirs, *args))
        member.start()
        if isinstance(member, BaseProcess):
            theirs.close()  # or its end would not be noticed; a thread's is closed with the last reference
        self._members[ours] = member
        return ours

    def receive(self, gates: Sequence[Connection]) -> list[Any]:
        """Return the next message from each of `gates`, None if its member ends without one.

        Raises:
            CannotRunError: a member was killed; others may wait for ever for what is lost with it.
        """
        received: dict[Any, Any] = {}
        while not received.keys() >= set(gates):
            for gate in wait(self._members.keys() - received.keys()):
                received[gate] = self._receive_one(gate)
        return [received[gate] for gate in gates]

    def _receive_one(self, gate: Any) -> Any:
        try:
            return gate.recv()
        except (EOFError, ConnectionResetError):
            member = self._members[gate]
            member.join()
            if status := getattr(member, "exitcode", 0):
                message = f"PID {member.pid} ended with status {status}: no figure can be had"
                raise CannotRunError(message, "once more, without killing a process") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all members have ended; on an error kill those that are processes.

        Otherwise they would complain, because what they use (a Manager) ends before they do.
        """
        for gate, member in self._members.items():
            if kind is None:
                member.join()
                gate.close()
            elif isinstance(member, BaseProcess):
                member.kill()


def rate(make: Callable[..., Any], transport: Any, load: tuple[Any, int], config: Config) -> float:
    """Return how many messages per second go through `transport`.

    Args:
        make: `multiprocessing.Process` or `threading.Thread`.
        transport: a queue or `Pipes`: has ``put`` and ``get``, and ``task_done`` if it is joinable.
        load: the message, and how often each producer puts it.
        config: how many producers and consumers take part.
    """
    with Team() as team:
        done = getattr(transport, "task_done", None)
        putting = [team.start(make, produce, transport.put, *load) for _ in range(config.producers)]
        getting = [team.start(make, consume, transport.get, done) for _ in range(config.consumers)]
        team.receive(putting + getting)
        before = time.monotonic()
        for gate in putting + getting:
            gate.send("go")
        team.receive(putting)  # returns when they end: only then a queue's feeder thread is done
        for _ in range(config.consumers):
            transport.put(_END)
        ends = team.receive(getting)
    messages: int = sum(count for count, _ in ends)
    if messages != (put := config.producers * load[1]):
        raise CannotRunError(f"{messages} messages of {put} came out: no figure can be had", "once more")
    return messages / (max(float(last) for _, last in ends) - before)


class Pipes:
    """A pipe with a lock at each end, like `multiprocessing.SimpleQueue`, and nothing else."""

    def __init__(self, context: Any) -> None:
        """Make the pipe."""
        self._reader, self._writer = context.Pipe(duplex=False)
        self._read_lock, self._write_lock = context.Lock(), context.Lock()

    def put(self, message: Any) -> None:
        """Send one message."""
        with self._write_lock:
            self._writer.send(message)

    def get(self) -> Any:
        """Receive one message."""
        with self._read_lock:
            return self._reader.recv()


def run(config: Config, emit: Emitter) -> None:
    """Compare queues, pipes, a Manager and threads, each with the same producers and consumers."""
    context = config.context()
    manager = SyncManager(ctx=context)
    manager.start()

    def between_processes(make_transport: Callable[[], Any], count: int, message: Any = ITEM) -> float:
        return rate(context.Process, make_transport(), (message, count), config)

    def batched(make_transport: Callable[[], Any], count: int) -> float:
        # Different objects: of equal ones pickle would write the first, and then only refer to it.
        message = [(12345 + number, 3.14 + number, f"bun {number}") for number in range(BATCH)]
        return BATCH * between_processes(make_transport, count, message)

    def between_threads(count: int) -> float:
        return rate(threading.Thread, queue.Queue(), (ITEM, count), config)

    designs = [
        Design("Queue", partial(between_processes, context.Queue, 10_000)),
        Design("JoinableQueue", partial(between_processes, context.JoinableQueue, 10_000)),
        Design("SimpleQueue", partial(between_processes, context.SimpleQueue, 10_000)),
        Design("Pipe and two locks", partial(between_processes, partial(Pipes, context), 10_000)),
        Design("Manager().Queue", partial(between_processes, manager.Queue, 2_000)),
        Design(f"Queue, {BATCH} in a message", partial(batched, context.Queue, 1_000)),
        Design(f"Pipe, {BATCH} in a message", partial(batched, partial(Pipes, context), 1_000)),
        Design("queue.Queue, threads", partial(between_threads, 20_000)),
    ]
    with manager:
        found = compare(designs, "items per second", config, emit)
    emit.result(SUMMARY, **found.summary)
