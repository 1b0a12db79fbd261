"""Two processes, one counter: 18 of 20 orders lose a count.

What to watch:
  - each process reads the counter, adds one in its own memory, and writes
    the sum; main opens a gate for each step, so main is the scheduler
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
    ASK: "whose step? type A or B, or several: AAB",
    "read": "reads {value}",
    "add": "adds 1 in its own memory: {value}",
    "write": "writes {value}",
    "kept out": "would read, and the lock keeps it out",
    "board": "[A: {A}] [B: {B}] [counter: {counter}]",
    "outcome": "{taken}: the counter stands at {counter}, {verdict}",
}
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
        emit.mark("order", order="of your choice" if config.step else order)
        counter.value = 0
        # A process that was kept out by the lock has its turn later.
        turns = chain(_typed(emit) if config.step else order, cycle("AB"))
        pause = 0 if config.all or config.step else config.pause
        taken, board = "", dict[str, Any](A="-", B="-")
        for name, value in _play(turns, gates, pause):
            taken, board[name] = taken + name, value
            if config.step:
                emit.mark("board", **board, counter=counter.value)
        verdict = "an update is lost" if counter.value == 1 else "both are there"
        emit.mark("outcome", order=order, taken=taken, counter=counter.value, verdict=verdict)
        if config.all:
            emit.result("orders", order=order, taken=taken, counter=counter.value, verdict=verdict)
        found.append((taken, counter.value))
    for name, process in zip("AB", processes, strict=True):
        gates[name].send(False)
        process.join()
    lost = sum(value == 1 for _, value in found)
    ways = len(set(found))
    answer = _answer(lost, ways, config)
    emit.result(SUMMARY, ok=not (lost and config.fix), answer=answer, lost=lost, orders=len(found), ways=ways)


def _answer(lost: int, ways: int, config: Config) -> str:
    """Return in a sentence what the orders that were played say."""
    if config.all:
        allowed = f" The lock allows {ways} of them." if config.fix else ""
        return f"{lost or 'None'} of the 20 orders lose an update.{allowed}"
    loses = "loses an update" if lost else "loses no update"
    return f"This order {loses}. 18 of the 20 orders do: procdemo race --all"


def _play(turns: Iterator[str], gates: dict[str, Connection], pause: float) -> Iterator[tuple[str, int]]:
    """Let A and B take their steps, `pause` seconds apart; yield for each step its process and its value."""
    left = {"A": 3, "B": 3}
    while any(left.values()):
        name = next(turns)
        if not left[name]:
            continue
        try:
            gates[name].send(True)
            step, *value = gates[name].recv()
        except (EOFError, OSError):
            taken = sum(3 - steps for steps in left.values())
            raise CannotRunError(f"{name} was killed at step {taken + 1}", "procdemo race") from None
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
