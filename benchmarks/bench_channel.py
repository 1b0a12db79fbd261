"""The event channel: events per second in the command, CPU time per event in the child.

    python benchmarks/bench_channel.py [ROUNDS]

Four forked writers emit as fast as they can through `Emitter` and the channel; this process reads the events
as `Runner` does. In the same round, the same events go through `multiprocessing.SimpleQueue`, which takes a
lock for each.
"""

import multiprocessing
import statistics
import sys
import time

from procdemo.demo.events import Emitter, Event
from procdemo.process.record_pipe import channel

WRITERS, EACH = 4, 50_000


def emit_all(emit, gate, cpu, number):
    gate.wait()
    before = time.thread_time()
    for item in range(EACH):
        emit.mark("message", client="127.0.0.1:54321", item=item, bytes=1024, text="an answer in upper case")
    cpu[number] = (time.thread_time() - before) / EACH * 1e6


def measure(write, read, close):
    context = multiprocessing.get_context("fork")
    gate, cpu = context.Barrier(WRITERS + 1), context.RawArray("d", WRITERS)
    emit = Emitter(write)
    writers = [context.Process(target=emit_all, args=(emit, gate, cpu, n)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    close()
    gate.wait()
    before = time.perf_counter()
    got = 0
    while got < WRITERS * EACH:
        got += len([Event._make(record) for record in read()])
    rate = got / (time.perf_counter() - before)
    for writer in writers:
        writer.join()
    return rate, statistics.mean(cpu)


def main(rounds):
    found = {"channel": [], "SimpleQueue": []}
    for _ in range(rounds):
        reader, writer = channel()
        found["channel"].append(measure(writer, reader.read, writer.close))
        reader.close()
        queue = multiprocessing.get_context("fork").SimpleQueue()
        found["SimpleQueue"].append(measure(queue.put, lambda queue=queue: [queue.get()], lambda: None))
    for name, rows in found.items():
        rates, cpus = zip(*rows, strict=True)
        rate = f"{statistics.median(rates):,.0f} events/s ({min(rates):,.0f} - {max(rates):,.0f})"
        print(f"{name:12} {rate}, {statistics.median(cpus):.2f} us CPU per event in the child")
    ratio = statistics.median(a / b for (a, _), (b, _) in zip(*found.values(), strict=True))
    print(f"channel / SimpleQueue: {ratio:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
