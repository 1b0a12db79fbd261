"""Two processes, one counter: 18 of 20 orders lose a count.

What to watch:
  - each process reads the counter, adds one in its own memory, and writes
    the sum. Main opens a gate for each step: main is the scheduler
  - if both have read before one has written, an addition is lost: nothing
    crashes, but the result is wrong
  - --fix lock: the process that reads first keeps the other one out until it
    has written

\b
  A:  read  add  write      A A A B B B  -> 2
  B:  read  add  write      A B A B A B  -> 1, lost

\b
Try:
  procdemo race
  procdemo race --all
  procdemo race --step
  procdemo race --all --fix lock

Compare with: procdemo lab lost-updates, where the system is the scheduler.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, permutations
from multiprocessing.connection import Connection
from typing import Annotated, Any, Literal

from procdemo.demo.events import ASK, SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError, Settings, TimeArg
from procdemo.demo.states import Activity

STORY = {
    "order": "order {order}: the counter stands at 0",
    ASK: "which process takes a step? type A or B, or several: AAB",
    "read": "reads {value}",
    "add": "adds 1 in its own memory: {value}",
    "write": "writes {value}",
    "kept out": "would read, and the lock keeps it out",
    "board": "[A: {A}] [B: {B}] [counter: {counter}]",
    "outcome": "{taken}: the counter stands at {counter}",
    "group": "{verdict}, {count} orders: {orders}",
}
DETAIL_TABLES = ("orders",)
VERDICTS = {0: "forbidden by the lock", 1: "loses an update", 2: "loses no update"}
EVERY_ORDER = sorted({"".join(order) for order in permutations("AAABBB")})
LANES = dict.fromkeys(("@main", "@A", "@B"), Activity.WAITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    schedule: Annotated[str, Arg("The order of the steps: three times A and B.", metavar="ORDER")] = "ABABAB"
    all: Annotated[bool, Arg("Try all 20 orders.")] = False
    pause: Annotated[float, TimeArg("Time between two steps; none with --all.", min=0)] = 0.4
    step: Annotated[bool, Arg("You are the scheduler: type A or B for each step.")] = False
    fix: Annotated[Literal["lock"] | None, Arg("Hold a lock from read to write.")] = None


def add_one(gate: Connection, counter: Any, lock: Any, tell: bool, emit: Emitter) -> None:
    """Add one to the counter, again and again: one step each time the gate opens."""

    def report(step: str, **data: int) -> None:
        if tell:
            emit.mark(step, **data)
        gate.send((step, *data.values()))

    while gate.recv():
        if lock and not lock.acquire(block=False):
            report("kept out")
            continue
        value = counter.value
        report("read", value=value)
        gate.recv()
        value += 1
        report("add", value=value)
        gate.recv()
        counter.value = value
        if lock:
            lock.release()
        report("write", value=value)


def run(config: Config, emit: Emitter) -> None:
    """Open the gates in the given order, and look whether both additions are in the counter."""
    if (asked := config.schedule.upper()) not in EVERY_ORDER:
        raise CannotRunError(f"--schedule {asked}: not three A and three B", "--schedule AABBBA", exit_code=2)
    context = config.context()
    counter = context.Value("q", 0, lock=False)
    lock = context.Lock() if config.fix else None
    gates, processes, found = {}, [], []
    for name in "AB":
        gates[name], theirs = context.Pipe()
        args = (theirs, counter, lock, not config.all, emit)
        processes.append(context.Process(target=add_one, args=args, name=name))
        processes[-1].start()
        theirs.close()  # now only the child has its end: if it dies, our recv() raises EOFError
    for order in EVERY_ORDER if config.all else [asked]:
        counter.value = 0
        if not config.all:
            emit.mark("order", order="of your choice" if config.step else order)
        # A process that was kept out by the lock has its turn later.
        turns = chain(_typed(emit) if config.step else order, cycle("AB"))
        taken, board = "", dict[str, Any](A="-", B="-")
        for name, value in _play(turns, gates, 0 if config.all or config.step else config.pause):
            taken, board[name] = taken + name, value
            if config.step:
                emit.mark("board", **board, counter=counter.value)
        verdict = VERDICTS[0 if order != taken and not config.step else counter.value]
        found.append({"order": order, "taken": taken, "counter": counter.value, "verdict": verdict})
        emit.result("orders", **found[-1]) if config.all else emit.mark("outcome", **found[-1])
    for name, process in zip("AB", processes, strict=True):
        gates[name].send(False)
        process.join()
    _sum_up(found, config, emit)


def _sum_up(found: list[dict[str, Any]], config: Config, emit: Emitter) -> None:
    """Report the orders by their verdicts, and in a sentence what they say."""
    groups, last, ways = defaultdict(list), found[-1], len({row["taken"] for row in found})
    for row in found:
        groups[row["verdict"]].append(row["order"])
    for verdict, orders in sorted(groups.items()) if config.all else ():
        emit.mark("group", verdict=verdict, count=len(orders), orders=" ".join(orders))
    forbidden, lost, _ = (len(groups[verdict]) for verdict in VERDICTS.values())
    answer = f"This order {last['verdict']}. How many of the 20 lose one? procdemo race --all"
    if config.all and forbidden:
        answer = f"The lock forbids {forbidden} of the 20 orders. The others lose no update."
    elif config.all:
        answer = f"{lost} of the 20 orders lose an update."
    elif forbidden:
        answer = f"The lock forbids this order. It became {last['taken']}, which loses no update."
    emit.result(SUMMARY, ok=not (lost and config.fix), answer=answer, lost=lost, ways=ways)


def _play(turns: Iterator[str], gates: dict[str, Connection], pause: float) -> Iterator[tuple[str, int]]:
    """Let A and B take their steps, `pause` seconds apart; yield for each step its process and its value."""
    left = {"A": 3, "B": 3}
    while any(left.values()):
        name = next(turn for turn in turns if left[turn])
        try:
            gates[name].send(True)
            step, *value = gates[name].recv()
        except (EOFError, OSError):
            message = f"{name} was killed at step {7 - sum(left.values())}"
            raise CannotRunError(message, "procdemo race") from None
        if step != "kept out":
            left[name] -= 1
            yield name, value[0]
        time.sleep(pause)  # noqa: TID251 - so that each step can be seen


def _typed(emit: Emitter) -> Iterator[str]:
    """Yield A or B as it is typed, until the input ends."""
    emit.mark(ASK)
    while line := sys.stdin.readline():
        yield from (letter for letter in line.upper() if letter in "AB")
        emit.mark(ASK)
