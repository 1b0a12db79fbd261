"""What the sampler costs: its share of one CPU, and of the events that the command can read.

    python benchmarks/bench_sampler.py [SECONDS]

The first table has 8, 100 and 1,000 processes, which sleep, or wake up ten times a second: what the looks
take of one CPU, and how many looks and events there are a second. The second one has four writers that report
as fast as they can through a `Runner`, with the sampler and without it in turn, and the ratio.
"""

import os
import signal
import statistics
import subprocess
import sys
import time

from procdemo.demo.settings import Settings
from procdemo.probe.sampler import Sampler
from procdemo.runtime.runner import Runner

COUNTS = 8, 100, 1000
WRITERS, EACH, ROUNDS = 4, 60_000, 5
TREE = """
import os, sys, time
count, pause = int(sys.argv[1]), float(sys.argv[2])
for number in range(count):
    if os.fork() == 0:
        time.sleep(number / count * pause if pause < 1 else 0)
        while True:
            time.sleep(pause)
print("ready", flush=True)
sys.stdin.read()
"""


def share_of_a_cpu(count, pause, seconds):
    """Return the sampler's CPU seconds per second, looks and events per second, beside `count` processes."""
    tree = subprocess.Popen(
        [sys.executable, "-S", "-c", TREE, str(count), str(pause)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        tree.stdout.readline()
        sampler = Sampler(tree.pid)
        begin, cpu = time.monotonic(), time.thread_time()
        looks = events = 0
        while sampler.pacing.due_at < begin + seconds:
            time.sleep(max(sampler.pacing.due_at - time.monotonic(), 0))  # noqa: TID251 - as the runner waits
            events += len(sampler.look())
            looks += 1
        took = max(sampler.pacing.due_at - begin, seconds)  # a look pays for the pause after it
        return (time.thread_time() - cpu) / took, looks / took, events / took
    finally:
        os.killpg(tree.pid, signal.SIGKILL)
        tree.communicate()


def write(emit):
    for item in range(EACH):
        emit.mark("message", client="127.0.0.1:54321", item=item, bytes=1024)


def flood(config, emit):
    writers = [config.context().Process(target=write, args=(emit,)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    emit.result("summary", ok=True)


def events_per_second(sample):
    begin = time.perf_counter()
    with Runner(flood, Settings(), sample=sample) as runner:
        count = sum(event.name == "message" for event in runner)
    return count / (time.perf_counter() - begin)


def main(seconds):
    print("processes         share of a CPU   looks/s   events/s")
    for count in COUNTS:
        for what, pause in (("asleep", 600), ("active", 0.1)):
            share, looks, events = share_of_a_cpu(count, pause, seconds)
            print(f"{count:5} {what:6} {share:18.2%} {looks:13.1f} {events:10.1f}", flush=True)
    rates = {True: [], False: []}
    for number in range(2 * ROUNDS):
        sample = bool(number % 2)
        rates[sample].append(events_per_second(sample))
    for sample, name in ((False, "--no-sample"), (True, "sampled")):
        print(f"{name:12} {statistics.median(rates[sample]):9,.0f} events/s (best {max(rates[sample]):,.0f})")
    ratios = [a / b for a, b in zip(rates[True], rates[False], strict=True)]
    print(f"sampled / --no-sample: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
