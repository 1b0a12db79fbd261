"""Producers, a bounded queue, consumers; each item counted.

What to watch:
  - producers put buns into the queue until it is full. Then they are
    blocked, and the slower side sets the pace (back-pressure)
  - the end: each producer joins the queue (all buns are acknowledged), main
    joins the producers, and the consumers are daemons
  - --ack early acknowledges before the work: the last buns are lost
  - if a consumer is killed, the queue's join() would wait for ever. Here
    main notices, stops waiting, and names what is missing

\b
  producer-0 --put--> [ JoinableQueue(maxsize) ] --get--> consumer-0: work,
  producer-1 --put--> [   blocks when full     ] --get--> task_done()

\b
Try:
  procdemo prodcons --producers 2 --consumers 2
  procdemo prodcons --consumers 1 --maxsize 3
  procdemo prodcons --ack early
  procdemo prodcons --items 100000 --work 0 --batch 100
  procdemo prodcons --cluster local

Compare with: crawl-callback, where results come back by callback instead of by queue.
"""

import time
from dataclasses import dataclass
from typing import Annotated, Literal

from procdemo import cluster
from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, ClusterSettings, HelpGroup, TimeArg, check_item
from procdemo.demo.states import Activity
from procdemo.pools import monitored_queue
from procdemo.pools.item_states import ItemState, ranges
from procdemo.pools.monitored_queue import MonitoredQueue, QueueProcesses, sum_up

BLOCKS = (monitored_queue, cluster)
STORY = {
    "bun.send": "puts bun {id}; {depth} of {maxsize} in the queue",
    "bun.receive": "takes bun {id}",
    "counts": "produced {produced} = done {done} + failed {failed} + lost {lost}",
    "summary": "The {slower} are slower: put() was blocked {put_s:.2f} s, get() {get_s:.2f} s.",
}
FIRST = ("bun.send", "bun.receive", "put.end", "get.end")
DETAIL = {"eats.begin": "eats bun {id}", "eats.end": "has eaten bun {id}"}
DETAIL_TABLES = ("processes",)
LANES = {"@main": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ClusterSettings):
    """Settings of `run`."""

    producers: Annotated[int, Arg("Producer processes.", min=1, max=1000)] = 2
    consumers: Annotated[int, Arg("Consumer processes.", min=1, max=1000)] = 2
    items: Annotated[int, Arg("Number of buns.", min=1, max=10_000_000)] = 20
    maxsize: Annotated[int, Arg("Room in the queue, in messages.", min=1, max=30_000)] = 5
    work: Annotated[float, TimeArg("Time to eat a bun.", min=0)] = 0.25
    batch: Annotated[int, Arg("Buns in one message.", min=1, max=10_000)] = 1
    ack: Annotated[Literal["late", "early"], Arg("task_done() after the work, or before it.")] = "late"
    detail: Annotated[
        int, Arg("Report each of the first N buns; -v reports all.", group=HelpGroup.OUTPUT, min=0)
    ] = 1000
    unpicklable: Annotated[int | None, Arg("Make this bun a lambda: it cannot be pickled.", min=0)] = None


class HotBun(int):
    """A bun that cannot be pickled, like a lambda, a lock or an open file."""

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle a hot bun")


def produce(number: int, queue: MonitoredQueue, config: Config, emit: Emitter) -> None:
    """Make every n-th bun, put it into the queue, wait until all are acknowledged."""
    mine = range(number, config.items, config.producers)
    for batch in (mine[i : i + config.batch] for i in range(0, len(mine), config.batch)):
        buns = [HotBun(bun) if bun == config.unpicklable else bun for bun in batch]
        tell = config.verbose or batch[0] < config.detail
        queue.wait_for_room(number, emit, tell)
        if tell:
            emit.send("bun", id=ranges(batch), depth=queue.depth(), maxsize=queue.maxsize)
        queue.put(buns, emit)
    emit.begin("joins")
    queue.join()
    emit.end("joins")


def consume(number: int, queue: MonitoredQueue, config: Config, emit: Emitter) -> None:
    """Take, eat, acknowledge, for ever: a daemon ends with main."""
    tell, note, eaten = True, queue.states.note, ItemState.DONE
    while True:
        buns = queue.get(number, emit, tell)
        tell = bool(buns) and (config.verbose > 0 or buns[0] < config.detail)
        if tell:
            emit.receive("bun", id=ranges(buns))
        queue.release_room()
        if config.ack == "early":
            queue.task_done()  # the notes' way: a process that joins the queue takes them for eaten
        if tell:
            emit.begin("eats", id=ranges(buns))
        if config.work:
            time.sleep(config.work * len(buns))  # noqa: TID251 - the work itself
        note(buns, eaten)
        if tell:
            emit.end("eats", id=ranges(buns))
        if config.ack == "late":
            queue.task_done()


def run(config: Config, emit: Emitter) -> None:
    """Start consumers and producers, join the producers, kill the consumers, account for every bun."""
    check_item("unpicklable", config.unpicklable, config.items)
    cluster.check(config)
    if config.cluster:  # submit(produce, ...) instead of Process(produce, ...), and a queue in the network
        cluster.load("prodcons").run(config, emit, produce, consume)
        return
    context = config.context()
    queue = MonitoredQueue(context, config.maxsize, config.items, config.producers + config.consumers)
    processes = QueueProcesses(queue, config.items, emit)
    producers, consumers = [], []
    for number in range(config.consumers):
        args = (config.producers + number, queue, config, emit)
        consumer = context.Process(target=consume, args=args, name=f"consumer-{number}", daemon=True)
        consumers.append(processes.start(consumer))
    for number in range(config.producers):
        args = (number, queue, config, emit)
        producer = context.Process(target=produce, args=args, name=f"producer-{number}")
        producers.append(processes.start(producer))
    before = time.monotonic()
    ending = processes.join_or_give_up(producers)
    seconds = time.monotonic() - before
    processes.kill_all()  # a consumer never ends; a producer has ended, or never will
    sum_up([*producers, *consumers], queue, config, ending=ending, seconds=seconds, emit=emit)
