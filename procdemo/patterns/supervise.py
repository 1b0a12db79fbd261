"""A pool that loses no item, even if a worker is killed.

What to watch:
  - each worker has a pipe of its own and at most one item. Main waits for
    all pipes and all ends of processes at once
  - so main knows which item a death cost: the item is tried again, and has
    failed after three deaths
  - there is no shared lock that a killed worker could hold. An error comes
    back as text, not as a pickled exception
  - at least once: if a worker is killed between its work and its answer, its
    item is done again

\b
  main --item--> [pipe] --> worker-0     a worker dies: read what its pipe
       <-answer-                         still holds, let its item wait again
  main --item--> [pipe] --> worker-1     too long with one item: SIGKILL, and
       <-answer-                         then the same path

\b
Try:
  procdemo supervise --kill worker-0@0.1
  procdemo supervise --items 1000 --work 0.002 --tries 9 --chaos kill:0.2
  procdemo supervise --poison 7
  procdemo supervise --stuck 7 --item-deadline 0.5
  procdemo supervise --raises 7

Compare with: prodcons, where a killed consumer ends the run; crawl-callback, which replaces a Pool.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Annotated

from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import Arg, Settings, TimeArg, check_item, usable_cpus
from procdemo.demo.states import Activity
from procdemo.pools import batch, supervisor
from procdemo.pools.batch import Batch
from procdemo.pools.supervisor import READY, Supervisor

BLOCKS = (supervisor, batch)
STORY = {
    "item.send": "gives item {id} to {worker}",
    "works.end": "item {item}: {how}",
    "counts": "produced {produced} = done {done} + failed {failed} + lost {lost}; "
    "{deaths} workers died, {retried} items tried again; {items_per_s} items/s",
    "summary": "No item is lost. Workers that died: {deaths}; items tried again: {retried}.",
}
FIRST = ("item.send", "works.end")
DETAIL_TABLES = ("workers",)
DETAIL = {"ready": "is ready for an item", "works.begin": "works on item {item}"}
LANES = {"@main": Activity.WAITS, "@worker": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Worker processes.", min=1, max=1000, short="-n")] = usable_cpus()
    items: Annotated[int, Arg("Number of items.", min=1, max=1_000_000)] = 20
    work: Annotated[float, TimeArg("How long each item takes.", min=0)] = 0.25
    item_deadline: Annotated[float, TimeArg("Kill a worker that needs longer for an item.", min=0.01)] = 10.0
    tries: Annotated[int, Arg("Tries for an item, if its worker dies.", min=1)] = 3
    poison: Annotated[int | None, Arg("This item kills its worker.", min=0, metavar="ITEM")] = None
    stuck: Annotated[int | None, Arg("The work on this item never returns.", min=0, metavar="ITEM")] = None
    raises: Annotated[int | None, Arg("The work on this item raises.", min=0, metavar="ITEM")] = None

    @property
    def usual_kill(self) -> str:
        """A worker is killed, unless an item is to go wrong."""
        broken = {self.poison, self.stuck, self.raises} != {None}
        return "" if broken else f"worker-0@{2.4 * self.work:.3g}"


def serve(pipe: Connection, config: Config, emit: Emitter) -> None:
    """Take an item, work, answer, until the pipe ends (in a worker)."""
    with contextlib.suppress(EOFError, OSError):  # main needs this worker no more, or is dead itself
        pipe.send(READY)
        emit.mark("ready")
        while True:
            item = pipe.recv()
            emit.receive("item", id=item)
            pipe.send(attempt(item, config, emit))


def attempt(item: int, config: Config, emit: Emitter) -> tuple[str, ...]:
    """Work on an item, and return the answer as plain data, whatever happens."""
    emit.begin("works", item=item)
    try:
        work(item, config)
        answer: tuple[str, ...] = ("done",)
    except Exception as error:  # noqa: BLE001 - an exception might not survive pickling: its text does
        answer = ("error", type(error).__name__, str(error))
    emit.end("works", item=item, how=answer[0])
    return answer


def work(item: int, config: Config) -> None:
    """Do the work on an item, or fail in the way that the settings ask for."""
    time.sleep(config.work)  # noqa: TID251 - the work itself
    if item == config.poison:
        os.kill(os.getpid(), signal.SIGKILL)
    while item == config.stuck:
        signal.pause()
    if item == config.raises:
        raise ValueError(f"item {item} cannot be done (--raises)")


def run(config: Config, emit: Emitter) -> None:
    """Give each idle worker an item; wait for answers and deaths, until every item is done or has failed."""
    for option in ("poison", "stuck", "raises"):
        check_item(option, getattr(config, option), config.items)
    items, before = Batch(config.items, config.tries, emit), time.monotonic()
    with Supervisor(config.context(), serve, (config,), emit) as workers:
        while items.open and workers.may_go_on:
            workers.start_missing_workers(min(config.workers, items.open))
            for worker in workers.idle[: len(items.waiting)]:
                item = items.waiting.popleft()
                emit.send("item", id=item, worker=worker.name, worker_pid=worker.pid)
                worker.give(item, config.item_deadline)
            for worker, item, answer in workers.next_answers():  # one wait, for all pipes and sentinels
                match answer:
                    case ("done",):
                        items.complete(item)
                    case ("error", kind, text):
                        items.fail(item, f"{kind}: {text}")
                    case None:  # the worker is dead, and no answer was left in its pipe
                        items.retry_or_fail(item, worker.cause, ran=worker.ran)
    seconds = time.monotonic() - before
    account = items.account(workers.in_hand, interrupted=workers.interrupted)
    workers.sum_up(everything=config.verbose > 0)
    pace = {"items_per_s": round(account["done"] / seconds), "seconds": seconds}
    emit.result(SUMMARY, **account, deaths=workers.deaths, **pace)
