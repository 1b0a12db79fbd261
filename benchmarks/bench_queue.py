"""T5: items per second through `procdemo prodcons`, and through a bare JoinableQueue of the same shape.

python benchmarks/bench_queue.py [ROUNDS]

"CPU" is the CPU time of all processes for an item, with the start of Python; on a machine with other work it
says more than the clock.
"""

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ITEMS, SHAPE, MAXSIZE = 100_000, 2, 1_000
BATCHED = 1_000_000
RIVAL = Path(__file__).with_name("queue_rival.py")
PROCDEMO = Path(sys.executable).with_name("procdemo")


def rival():
    """Return the items per second of the bare JoinableQueue."""
    args = [sys.executable, RIVAL, *map(str, (ITEMS, SHAPE, SHAPE, MAXSIZE))]
    return float(subprocess.run(args, stdout=subprocess.PIPE, check=True, text=True).stdout)


def ours(items, *args):
    """Return the items per second of `procdemo prodcons`."""
    shape = ["--producers", str(SHAPE), "--consumers", str(SHAPE), "--maxsize", str(MAXSIZE), "--work", "0"]
    command = [PROCDEMO, "prodcons", "--items", str(items), *shape, "--json", *args]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    return json.loads(lines[-1])["data"]["items_per_s"]


def cpu_seconds():
    """Return the CPU time of all processes that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


WAYS = {
    "a bare JoinableQueue": (ITEMS, rival),
    "prodcons": (ITEMS, lambda: ours(ITEMS)),
    "prodcons --batch 100": (BATCHED, lambda: ours(BATCHED, "--batch", "100")),
}


def main(rounds):
    found = {way: [] for way in WAYS}
    costs = {way: [] for way in WAYS}
    for turn in range(rounds):
        for way, (items, measure) in list(WAYS.items())[:: -1 if turn % 2 else 1]:
            before = cpu_seconds()
            found[way].append(measure())
            costs[way].append((cpu_seconds() - before) / items * 1e6)
    bare = found["a bare JoinableQueue"]
    for way, figures in found.items():
        ratio = statistics.median(one / other for one, other in zip(figures, bare, strict=True))
        spread = f"{min(figures):,.0f} - {max(figures):,.0f}"
        print(f"{way:<22}{statistics.median(figures):>12,.0f} items/s ({spread}), ratio {ratio:.2f}")
    cost = statistics.median(costs["a bare JoinableQueue"])
    for way, figures in costs.items():
        own = statistics.median(figures)
        print(f"{way:<22}{own:>12.2f} us of CPU for an item, ratio {cost / own:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
