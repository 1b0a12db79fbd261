"""Producers, a bounded queue, consumers, and an account of every item.

What to watch: buns go into the queue until it is full; then the producers are blocked, and the
slower side sets the pace (back-pressure). The end comes by itself: each producer joins the
queue (all its buns acknowledged), main joins the producers, and the consumers are daemons.
Acknowledge after the work: with --ack early the last buns are lost. Kill a consumer, and the
queue's join() would wait for ever; here main watches, and names what is missing.

\b
  producer-0 --put-->  [ JoinableQueue(maxsize) ]  --get--> consumer-0 --task_done-->
  producer-1 --put-->  [   blocks when full     ]  --get--> consumer-1 --task_done-->

\b
Try:
  procdemo prodcons --producers 2 --consumers 2
  procdemo prodcons --consumers 1 --maxsize 3
  procdemo prodcons --ack early
  procdemo prodcons --items 100000 --work 0 --batch 100

Compare with: crawl-callback, where results come back by callback instead of by queue.
"""

import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Annotated, Literal

from procdemo import watched_queue
from procdemo.config import Arg, Settings
from procdemo.crew import cause
from procdemo.events import Emitter
from procdemo.ledger import State, ranges
from procdemo.watched_queue import WatchedQueue, join_or_give_up

STORY = {
    **watched_queue.STORY,
    "bun.send": "puts bun {id}; {depth} of {maxsize} in the queue",
    "bun.receive": "takes bun {id}",
    "eats.end": "has eaten bun {id}",
    "summary": "produced {produced} = done {done} + failed {failed} + lost {lost}; "
    "blocked in put {put_s:.2f} s, in get {get_s:.2f} s: {slower} are the slower side",
}
DETAILS = {"eats.begin": "eats bun {id}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    producers: Annotated[int, Arg("Producer processes.", min=1, max=1000)] = 2
    consumers: Annotated[int, Arg("Consumer processes.", min=1, max=1000)] = 2
    items: Annotated[int, Arg("Buns in all.", min=1, max=10_000_000)] = 20
    maxsize: Annotated[int, Arg("Room in the queue, in messages.", min=1, max=30_000)] = 5
    work: Annotated[float, Arg("How long it takes to eat a bun.", min=0, metavar="SECONDS")] = 0.05
    batch: Annotated[int, Arg("Buns in one message.", min=1, max=10_000)] = 1
    ack: Annotated[Literal["late", "early"], Arg("task_done() after the work, or before it.")] = "late"
    detail: Annotated[int, Arg("Tell of each of the first so many buns; -v of all.", min=0)] = 1000
    unpicklable: Annotated[int | None, Arg("Make this bun a lambda, which cannot be pickled.", min=0)] = None


def produce(number: int, queue: WatchedQueue, config: Config, emit: Emitter) -> None:
    """Make every n-th bun, put it into the queue, wait until all are acknowledged."""
    mine = range(number, config.items, config.producers)
    for tray in (mine[i : i + config.batch] for i in range(0, len(mine), config.batch)):
        told = config.verbose or tray[0] < config.detail
        buns = [(item, f"bun {item}" if item != config.unpicklable else lambda: "a bun") for item in tray]
        queue.put(number, buns, emit, told)
        if told:
            emit.send("bun", id=ranges(tray), depth=queue.depth(), maxsize=queue.maxsize)
    queue.join()


def consume(number: int, queue: WatchedQueue, config: Config, emit: Emitter) -> None:
    """Take, eat, acknowledge, for ever: a daemon, ended with main."""
    told = True
    while True:
        buns = queue.get(number, emit, told)
        if config.ack == "early":
            queue.task_done()  # the notes' way: whoever joins the queue believes that it is eaten
        tray = [item for item, _ in buns]
        told = bool(tray) and (config.verbose > 0 or tray[0] < config.detail)
        if told:
            emit.receive("bun", id=ranges(tray))
            emit.begin("eats", id=ranges(tray))
        if config.work:
            time.sleep(config.work * len(tray))  # noqa: TID251 - the work itself
        for item in tray:
            queue.ledger.note(item, State.DONE, number)
        if told:
            emit.end("eats", id=ranges(tray))
        if config.ack == "late":
            queue.task_done()


def run(config: Config, emit: Emitter) -> None:
    """Start consumers and producers, join the producers, end the consumers, account for every bun."""
    context = config.context()
    queue = WatchedQueue(context, config.maxsize, config.items, config.producers + config.consumers)
    producers, consumers = [], []
    for number in range(config.producers):
        args = (number, queue, config, emit)
        producers.append(context.Process(target=produce, args=args, name=f"producer-{number}"))
    for number in range(config.consumers):
        args = (config.producers + number, queue, config, emit)
        consumers.append(context.Process(target=consume, args=args, name=f"consumer-{number}", daemon=True))
    for process in (*consumers, *producers):
        process.start()
    in_peace = join_or_give_up(producers, consumers, queue, config.items, emit)
    for process in (*producers, *consumers):
        process.kill()  # a producer has ended, or never will; a consumer is a daemon
        process.join()
    account([*producers, *consumers], queue, config, emit, in_peace)


def account(
    crew: list[BaseProcess], queue: WatchedQueue, config: Config, emit: Emitter, in_peace: bool
) -> None:
    """Say what has become of every bun, and by whom."""
    ledger = queue.ledger
    for number, process in enumerate(crew):
        makes = number < config.producers
        buns = (
            len(range(number, config.items, config.producers)) if makes else ledger.share(number, State.DONE)
        )
        blocked = {"buns": buns, "waited_ms": round(queue.blocked_s[number] * 1e3)}
        emit.result("processes", name=process.name, pid=process.pid, **blocked)
    for state, what in ((State.QUEUED, "put by"), (State.TAKEN, "taken by"), (State.REFUSED, "refused to")):
        for number, items in ledger.find(state).items():
            who = crew[number]
            for start in range(0, len(items), 100):
                part = items[start : start + 100]
                emit.result(
                    "missing",
                    buns=ranges(part),
                    fate=f"{what} {who.name} (PID {who.pid}), {cause(who.exitcode)}",
                )
    done, failed, unmade = (ledger.count(state) for state in (State.DONE, State.REFUSED, State.UNMADE))
    produced = config.items - unmade
    put_s, get_s = sum(queue.blocked_s[: config.producers]), sum(queue.blocked_s[config.producers :])
    emit.result(
        "summary",
        ok=done == config.items and in_peace,
        produced=produced,
        done=done,
        failed=failed,
        lost=produced - done - failed,
        unmade=unmade,
        put_s=put_s,
        get_s=get_s,
        slower="consumers" if put_s > get_s else "producers",
    )
