"""How many small items a second go from producers to consumers, by what.

What to watch: a queue between processes costs a pickle, a system call and a lock for each message, so
what counts is the number of messages: a hundred items in one are many times faster through the
very same queue. A Manager's queue is a process of its own, asked over a socket for every item.
Threads need none of this, and share one interpreter's lock.

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
from typing import Annotated, Any

from procdemo.bench import comparison
from procdemo.bench.comparison import BenchSettings, Design, compare
from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, CannotRunError

BLOCKS = (comparison,)
ITEM = (12345, 3.14, "bun")
BATCH = 100
_END = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    producers: Annotated[int, Arg("Producers.", min=1, max=64)] = 2
    consumers: Annotated[int, Arg("Consumers.", min=1, max=64)] = 2


def produce(gate: Connection, put: Callable[[Any], Any], message: Any, count: int) -> None:
    """Wait for the gate to open, then put `message` so many times."""
    gate.send("there")
    gate.recv()
    for _ in range(count):
        put(message)


def consume(gate: Connection, get: Callable[[], Any], done: Callable[[], Any] | None) -> None:
    """Get messages until the end comes; report how many there were, and when the last came."""
    gate.send("there")
    gate.recv()
    count, last, clock = 0, 0.0, time.monotonic
    while get() is not _END:
        last = clock()
        count += 1
        if done:
            done()
    gate.send((count, last))


class Team:
    """Producers and consumers, each a process or a thread, and each at a gate of its own."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._members: dict[Connection, Any] = {}

    def start(self, make: Callable[..., Any], target: Callable[..., None], *args: Any) -> Connection:
        """Start ``make(target=target, args=(gate, *args))``; return our side of the gate."""
        ours, theirs = Pipe()
        member = make(target=target, args=(theirs, *args))
        member.start()
        if isinstance(member, BaseProcess):
            theirs.close()  # or we would not hear its end; a thread's is closed with the last reference
        self._members[ours] = member
        return ours

    def hear(self, gates: Sequence[Connection]) -> list[Any]:
        """Return the next word from each of `gates`, None where there is none before the member's end.

        Raises:
            CannotRunError: a member was killed; others may wait for ever for what is lost with it.
        """
        words: dict[Any, Any] = {}
        while not words.keys() >= set(gates):
            for gate in wait(self._members.keys() - words.keys()):
                words[gate] = self._word(gate)
        return [words[gate] for gate in gates]

    def _word(self, gate: Any) -> Any:
        try:
            return gate.recv()
        except (EOFError, ConnectionResetError):
            member = self._members[gate]
            member.join()
            if status := getattr(member, "exitcode", 0):
                message = f"PID {member.pid} ended with status {status}: no figure can be had"
                raise CannotRunError(message, "once more, and let all processes live") from None

    def end(self) -> None:
        """Wait until all have ended."""
        for gate, member in self._members.items():
            member.join()
            gate.close()


def rate(make: Callable[..., Any], lane: Any, load: tuple[Any, int], config: Config) -> float:
    """Return how many messages a second went through a queue.

    Args:
        make: `multiprocessing.Process` or `threading.Thread`.
        lane: the queue: has ``put`` and ``get``, and ``task_done`` if it is joinable.
        load: what is put, and how often by each producer.
        config: how many take part.
    """
    crew, done = Team(), getattr(lane, "task_done", None)
    putting = [crew.start(make, produce, lane.put, *load) for _ in range(config.producers)]
    getting = [crew.start(make, consume, lane.get, done) for _ in range(config.consumers)]
    crew.hear(putting + getting)
    before = time.monotonic()
    for gate in putting + getting:
        gate.send("go")
    crew.hear(putting)  # their ends: a queue's feeder thread is done only then
    for _ in range(config.consumers):
        lane.put(_END)
    ends = crew.hear(getting)
    crew.end()
    messages: int = sum(count for count, _ in ends)
    return messages / (max(float(last) for _, last in ends) - before)


class Pipes:
    """A pipe with a lock at each end: what `multiprocessing.SimpleQueue` is, with nothing around it."""

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

    def between_processes(make_lane: Callable[[], Any], count: int, message: Any = ITEM) -> float:
        return rate(context.Process, make_lane(), (message, count), config)

    def batched(make_lane: Callable[[], Any], count: int) -> float:
        # Different objects, or pickle would write the first, and then only refer to it.
        message = [(12345 + number, 3.14 + number, f"bun {number}") for number in range(BATCH)]
        return BATCH * between_processes(make_lane, count, message)

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
    emit.result("summary", **found.summary)
