"""Problems with an answer that a real run gives: the homework of ``procdemo quiz``.

A problem is made from numbers of `random.random`, which are the same on every Python for the same seed
("Notes on Reproducibility" in the documentation of `random`); other methods may change. A problem with times
is made so that nothing which decides its answer happens within `MARGIN_S` of something else.
"""

import heapq
import json
import random
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import count, product
from typing import NamedTuple

from procdemo.lab.bare_code import bare
from procdemo.lab.lesson import VERDICTS, lessons

KINDS = ("race", "queue", "pool", "exit", "lab")

MARGIN_S = 0.09
"""Two things that decide an answer are so many seconds apart, at least."""

ENDINGS = {
    "return 5": "0",
    "sys.exit()": "0",
    "sys.exit(3)": "3",
    "sys.exit(256)": "0",
    "sys.exit(-1)": "255",
    "sys.exit('bye')": "1",
    "1 / 0": "1",
    "raise KeyboardInterrupt": "1",
    "os._exit(7)": "7",
    "os.kill(os.getpid(), signal.SIGKILL)": "-9",
    "os.kill(os.getpid(), signal.SIGTERM)": "-15",
    "child.terminate()": "-15",
    "child.kill()": "-9",
}
"""What a child does, or what its parent does with it, and the exitcode ("Process.exitcode", `os._exit`)."""

_LONGEST_S = 4.0  # of a run about a queue
_UNIT_S = 0.3  # of a pool's clients; a run must be over soon


class Problem(NamedTuple):
    """A question, and the run that answers it."""

    kind: str
    question: str
    hint: str
    """The form of the answer, e.g. ``two numbers``."""
    command: tuple[str, ...]
    """Arguments for the interpreter; what it prints has the answer."""
    read: Callable[[str], str]
    """Finds the answer in what the run has printed; raises ValueError if it is not there."""
    expected: str
    """What a model says. A run counts, and tests compare both."""

    def is_right(self, answer: str, given: str) -> bool:
        """Return whether what a person has `given` is the `answer`; case, commas and blanks do not matter."""
        return _words(answer) == _words(given)


def problems(kind: str, seed: int) -> Iterator[Problem]:
    """Yield problems of a kind (one of `KINDS`) without end; the same ones for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - homework is no secret
    make = {"race": _race, "queue": _queue, "pool": _pool, "exit": _exit, "lab": _lab}[kind]
    return (make(rng) for _ in count())


def _words(text: str) -> list[str]:
    return text.upper().replace(",", " ").split()


def _below(rng: random.Random, limit: int) -> int:
    return int(rng.random() * limit)


def _shuffled(rng: random.Random, letters: str) -> str:
    left, out = list(letters), ""
    while left:
        out += left.pop(_below(rng, len(left)))
    return out


def _script(name: str, *args: str) -> tuple[str, ...]:
    return str(files("procdemo.tour").joinpath("scripts", f"{name}.py")), *args


def _last_line(output: str) -> str:
    lines = output.splitlines()
    if not lines:
        raise ValueError("the run has printed nothing")
    return lines[-1]


def _events(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


# --- race


def _race(rng: random.Random) -> Problem:
    order = _shuffled(rng, "AAABBB")
    counter, own, values = 0, {"A": 0, "B": 0}, {}
    for turn, name in enumerate(order):
        step = order[: turn + 1].count(name)
        if step == 1:
            values[name] = own[name] = counter
        own[name] += step == 2  # noqa: PLR2004 - read, add, write
        counter = own[name] if step == 3 else counter  # noqa: PLR2004
    return Problem(
        "race",
        "Two processes, A and B, add 1 to a counter that stands at 0. Each takes three steps:\n"
        "read the counter, add 1 in its own memory, write the sum.\n"
        f"The order of the steps is {order}. What does B read, and where does the counter end?",
        "two numbers, e.g. 0 2",
        ("-m", "procdemo", "race", "--schedule", order, "--json"),
        _read_of_b_and_counter,
        f"{values['B']} {counter}",
    )


def _read_of_b_and_counter(output: str) -> str:
    data = {(event["name"], event["role"]): event["data"] for event in _events(output)}
    return f"{data['read', 'B']['value']} {data['outcome', 'main']['counter']}"  # type: ignore[index]


# --- exit


def _exit(rng: random.Random) -> Problem:
    how = list(ENDINGS)[_below(rng, len(ENDINGS))]
    who = "A parent starts a child that sleeps, and calls" if how.startswith("child.") else "A child runs"
    return Problem(
        "exit",
        f"{who}\n\n    {how}\n\nAfter join(): what is child.exitcode?",
        "a number",
        _script("exit_code", how),
        _last_line,
        ENDINGS[how],
    )


# --- queue


def _queue(rng: random.Random) -> Problem:
    while True:
        producers = [0.15 + 0.01 * _below(rng, 45) for _ in range(2 + _below(rng, 2))]
        consumer = 0.4 + 0.1 * _below(rng, 5)
        room = 1 + _below(rng, 3)
        if first := _first_blocked(producers, consumer, room):
            break
    paces = ", ".join(
        f"producer {number} every {pace:.2f} s" for number, pace in enumerate(producers, start=1)
    )
    return Problem(
        "queue",
        f"A queue has room for {room}. {paces[0].upper()}{paces[1:]} puts an item.\n"
        f"One consumer takes an item as soon as there is one, and works on it for {consumer:.1f} s.\n"
        "All start at the same moment. Which producer is blocked first, because the queue is full?",
        "the number of a producer",
        _script("first_blocked", str(room), f"{consumer:.1f}", *(f"{pace:.2f}" for pace in producers)),
        _last_line,
        str(first),
    )


def _first_blocked(producers: list[float], consumer: float, room: int) -> int:
    """Return the number of the producer that finds the queue full first; 0 if a few milliseconds decide.

    A process can be late, at its start and after each item. So the answer must be the same whichever of them
    are late by `MARGIN_S`.
    """
    late = (0.0, MARGIN_S)
    answers = {
        _first_full(
            [(pace, at) for pace, at in zip(producers, starts, strict=True)], consumer + slow, begin, room
        )
        for *starts, begin in product(late, repeat=len(producers) + 1)
        for slow in (0.0, MARGIN_S / 4)
    }
    return answers.pop() if len(answers) == 1 else 0


def _first_full(producers: list[tuple[float, float]], consumer: float, begin: float, room: int) -> int:
    """Return which producer finds the queue full; 0 if none does within `_LONGEST_S`.

    Args:
        producers: of each the seconds from one item to the next, and how late it starts.
        consumer: seconds of work on an item.
        begin: how late the consumer starts.
        room: of the queue.
    """
    puts = sorted(
        (start + pace * turn, number)
        for number, (pace, start) in enumerate(producers, start=1)
        for turn in range(1, int(_LONGEST_S / pace) + 1)
    )
    waiting, idle_at = 0, begin
    for at, number in puts:
        while waiting and idle_at <= at:  # it takes the next one when it has done its work
            waiting, idle_at = waiting - 1, idle_at + consumer
        if not waiting and idle_at <= at:
            idle_at = at + consumer
        elif waiting == room:
            return number
        else:
            waiting += 1
    return 0


# --- pool


def _pool(rng: random.Random) -> Problem:
    while True:
        workers = 2 + _below(rng, 2)
        stays = [1 + _below(rng, 5) for _ in range(workers + 3)]
        leaves = _leaving(workers, stays)
        if len(set(leaves.values())) == len(stays):  # no two at the same moment
            break
    order = sorted(leaves, key=leaves.__getitem__)
    return Problem(
        "pool",
        f"A pool has {workers} workers. {len(stays)} clients come at once, in the order 1 to {len(stays)}.\n"
        f"They stay {', '.join(map(str, stays))} units of time.\n"
        "A client that finds no free worker waits for its turn.\n"
        "In which order do they leave?",
        "the numbers of the clients, e.g. 2 1 3",
        _script("pool_order", str(workers), *(f"{stay * _UNIT_S:.1f}" for stay in stays)),
        _last_line,
        " ".join(map(str, order)),
    )


def _leaving(workers: int, stays: list[int]) -> dict[int, int]:
    """Return when each client leaves."""
    free, leaves = [0] * workers, {}
    for client, stay in enumerate(stays, start=1):
        leaves[client] = heapq.heappop(free) + stay
        heapq.heappush(free, leaves[client])
    return leaves


# --- lab


def _lab(rng: random.Random) -> Problem:
    lesson = list(lessons().values())[_below(rng, len(lessons()))]
    while lesson.missing() or lesson.alone:
        lesson = list(lessons().values())[_below(rng, len(lessons()))]
    script = lesson.scripts[_below(rng, len(lesson.scripts))]
    code = "\n".join(f"    {line}".rstrip() for line in bare(script.path.read_text("utf-8")).splitlines())

    def verdict(output: str) -> str:
        ends = [
            event["data"] for event in _events(output) if (event["kind"], event["name"]) == ("end", "script")
        ]
        return next(str(end["verdict"]) for end in ends if end["script"] == script.kind)  # type: ignore[index]

    return Problem(
        "lab",
        f"What does this script do: {' or '.join(VERDICTS)} (LOST: work is missing)?\n\n{code}",
        "a word",
        ("-m", "procdemo", "lab", lesson.name, "--json", *(["--fixed"] if script.kind == "fixed" else [])),
        verdict,
        "",
    )
