"""How the cost grows with clients, workers, items, pages and watched processes; and the kernel's limits."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser
from tables import REPEAT, Table, best

from procdemo.bench.load_meter import LoadMeter
from procdemo.bench.server_process import ServerProcess
from procdemo.demo.events import Emitter
from procdemo.demo.settings import usable_cpus
from procdemo.servers.fd_limit import raise_fd_limit

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DOCS = Path("/usr/share/doc/python3.11/html")
HELD = {
    "2 pre-forked event loops": ("selector_server", {"workers": 2}, 10_000),
    "asyncio": ("async_server", {}, 10_000),
    "a thread for each": ("thread_server", {}, 10_000),
    "a process for each, fork": ("echo_server", {}, 1_000),
}
"""Designs, and how many clients they are asked to hold."""
SILENT = Emitter(lambda _: None)
CLIENTS = (1, 10, 100, 1_000, 10_000)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
ITEM = b"x" * 64  # about as large as a pickled one
LOOKS_PER_S = 50  # of the sampler
LIMITS = "Limits: what the system calls alone take, of one thread in Python"


def by_clients() -> Table:
    """Return what it costs to hold one to ten thousand clients."""
    rows = []
    raise_fd_limit(max(most for *_, most in HELD.values()), SILENT)
    for name, (module, settings, most) in HELD.items():
        row: dict[str, Any] = {"design": name}
        for clients in CLIENTS:
            if clients <= most:
                with ServerProcess(
                    get_context(), name, module, max_connections=most + 10, **settings
                ) as server:
                    held = server.hold(clients, 60.0)
                row[f"{clients:,}: ms each"] = held.seconds / held.clients * 1e3
                row[f"{clients:,}: KiB each"] = held.kib_each
        rows.append(row)
    return Table("Clients: to connect each, one after the other, and to hold them", rows)


def by_workers() -> Table:
    """Return the connections per second with one to sixty-four workers."""
    rows = []
    for name, module in (("pre-forked workers", "prefork_server"), ("Pool", "pool_server")):
        row: dict[str, Any] = {"design": name}
        for workers in WORKERS:
            with ServerProcess(get_context(), name, module, workers=workers) as server:
                meter = LoadMeter(20.0)
                row[f"{workers}"] = max(meter.connections(server) for _ in range(REPEAT + 2))
        rows.append(row)
    return Table("Workers: connections per second, 8 clients", rows)


def by_items() -> Table:
    """Return the items per second through the queue of prodcons, for a thousand to a million items."""
    rows = []
    for batch in (1, 100):
        row: dict[str, Any] = {"in a message": batch}
        for items in (1_000, 10_000, 100_000, 1_000_000):
            if items <= 100_000 * batch:
                size = ["--items", str(items), "--batch", str(batch)]
                row[f"{items:,} items"] = best("items_per_s", "prodcons", "--work", "0", *size)
        rows.append(row)
    return Table("Items: how many a second pass the queue of prodcons", rows)


def by_pages() -> Table:
    """Return the pages per second of a crawl, by the number of pages and of workers."""
    site = ["--site", str(DOCS)] if DOCS.exists() else []
    rows = []
    for workers in (1, 2, 4):
        row: dict[str, Any] = {"workers": workers}
        for pages in (50, 200, 500):
            args = ["--max-pages", str(pages), "--workers", str(workers), *site]
            row[f"{pages} pages"] = best("pages_per_s", "crawl-callback", *args)
        rows.append(row)
    return Table(f"Pages: how many a second, of {DOCS if site else 'the site of pydoc'}", rows)


def by_processes() -> Table:
    """Return what share of one CPU the sampler takes, by the number of processes that it looks at."""
    sys.path.insert(0, str(BENCHMARKS))
    share_of_a_cpu = import_module("bench_sampler").share_of_a_cpu
    rows = []
    for what, pause in (("asleep", 600), ("awake ten times a second", 0.1)):
        row: dict[str, Any] = {"processes": what}
        for count in (1, 10, 100, 1_000):
            row[f"{count:,}: % of a CPU"] = share_of_a_cpu(count, pause, 5.0)[0] * 100
        rows.append(row)
    return Table("Processes watched: what the sampler takes of one CPU", rows)


def per_second(call: Callable[[], object], seconds: float = 0.5) -> float:
    """Return how many times a second `call` can be called."""
    rates = []
    for _ in range(REPEAT):
        calls, begin = 0, time.perf_counter()
        while time.perf_counter() < begin + seconds:
            for _ in range(20):
                call()
            calls += 20
        rates.append(calls / (time.perf_counter() - begin))
    return max(rates)


def through_a_pipe(piece: bytes) -> float:
    """Return how many pieces a second go from one process to another, with a write() and a read() each."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        while os.read(read, len(piece)):
            pass
        os._exit(0)
    os.close(read)
    try:
        return per_second(lambda: os.write(write, piece))
    finally:
        os.close(write)
        os.waitpid(child, 0)


def limits() -> Table:
    """Return what the system calls alone take, without which none of the others can do."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    address = listener.getsockname()

    def connect() -> None:
        with socket.create_connection(address), listener.accept()[0]:
            pass

    def ask() -> None:
        with socket.create_connection(address) as client, listener.accept()[0] as conn:
            client.send(ITEM)
            conn.send(conn.recv(1024))
            client.recv(1024)

    def fork() -> None:
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    pages = [path.read_bytes() for path in sorted(DOCS.rglob("*.html"))[:100]] or [b"<a href=x>x</a>" * 5_000]
    turns = cycle(range(len(pages)))
    parse = per_second(lambda: LexborHTMLParser(pages[next(turns)]))
    with open("/proc/self/schedstat", "rb") as stat:  # noqa: PTH123 - its descriptor is wanted
        look = per_second(lambda: os.pread(stat.fileno(), 64, 0))
    cpus = usable_cpus()
    found = {
        "connect(), accept(), close(): ms": 1e3 / per_second(connect),
        "fork(), exit() and wait() of a process of 30 MiB: ms": 1e3 / per_second(fork),
        f"a connection with one request, on {cpus} CPUs: a second": cpus * per_second(ask),
        "64 bytes through a pipe: a second": through_a_pipe(ITEM),
        "100 times 64 bytes through a pipe: a second": 100 * through_a_pipe(100 * ITEM),
        f"pages parsed, on {cpus} CPUs: a second": cpus * parse,
        "one read() of /proc, 50 times a second: % of a CPU": 100 * LOOKS_PER_S / look,
    }
    listener.close()
    return Table(LIMITS, [{"what": what, "figure": figure} for what, figure in found.items()])


def tables() -> Iterator[Table]:
    """Measure, and yield the tables."""
    yield from (by_clients(), by_workers(), by_items(), by_pages(), by_processes(), limits())
