"""What a load on servers costs: the servers' CPU time, the clients' round trips, and our own CPU time."""

import time
from collections import defaultdict
from statistics import fmean
from typing import NamedTuple

from procdemo.bench.held_clients import HeldClients
from procdemo.bench.server_process import ServerProcess
from procdemo.demo.events import Emitter
from procdemo.process.usage import ThreadUsage, tree_cpu_s
from procdemo.tcp_client import load_generator
from procdemo.tcp_client.connect import resolve
from procdemo.tcp_client.percentiles import LatencyReservoir

_SAMPLE_S = 0.08
_FULL = 0.9  # our clients are one thread: if it is busy for more of the time, we measure it, not the server
_CONNECTING = 8


class _Sample(NamedTuple):
    answered: int
    cpu_s: float
    """CPU seconds of the server."""
    own: ThreadUsage
    """What this thread, which runs all the clients, used: parts of the time."""


class LoadMeter:
    """Puts loads on servers, and adds up what they cost."""

    def __init__(self, timeout: float) -> None:
        """Give up after `timeout` seconds without an answer."""
        self._timeout = timeout
        self._samples: dict[str, dict[str, list[_Sample]]] = defaultdict(lambda: defaultdict(list))
        self._round_trips: dict[str, dict[str, LatencyReservoir]] = defaultdict(
            lambda: defaultdict(LatencyReservoir)
        )
        self.failures = 0
        """Clients that were refused, cut off, or got a wrong answer."""

    def connections(self, server: ServerProcess) -> float:
        """Have clients connect, eight at a time, send one request and leave; return clients per second."""
        addresses = resolve("127.0.0.1", server.port, self._timeout)
        wanted = load_generator.Load(_CONNECTING, messages=1, size=32, timeout=self._timeout)
        cpu_s, own, begin = tree_cpu_s(server.pid), ThreadUsage.now(), time.monotonic()
        answered, seconds = 0, 0.0
        while seconds < _SAMPLE_S:
            found = load_generator.generate_load(addresses, wanted, lambda _: None)
            answered += found.answered
            self.failures += sum(map(len, found.failures.values()))
            seconds = time.monotonic() - begin
        sample = _Sample(answered, tree_cpu_s(server.pid) - cpu_s, ThreadUsage.now().share(own, seconds))
        self._samples[server.name]["connection"].append(sample)
        return answered / seconds

    def requests(self, server: ServerProcess, held: HeldClients, clients: int) -> float:
        """Have `clients` of the held clients send requests for a moment; return answers per second."""
        cpu_s = tree_cpu_s(server.pid)
        found = held.generate_load(clients, _SAMPLE_S, self._round_trips[server.name][str(clients)])
        sample = _Sample(found.answered, tree_cpu_s(server.pid) - cpu_s, found.own)
        self._samples[server.name][f"request_{clients}"].append(sample)
        return found.answered / found.seconds

    def report(self, emit: Emitter) -> int:
        """Report the tables; return how many figures show the limit of our clients, not of a server."""
        at_limit = 0
        for design, columns in self._samples.items():
            costs = {
                column: round(
                    sum(each.cpu_s for each in samples) / sum(each.answered for each in samples) * 1e6, 1
                )
                for column, samples in columns.items()
                if any(each.answered for each in samples)
            }
            emit.result("server's CPU time, us", design=design, **costs)
        for design, trips in self._round_trips.items():
            row: dict[str, float | None] = {}
            for clients, times in trips.items():
                row |= {f"p50_{clients}": times.percentile_ms(50), f"p99_{clients}": times.percentile_ms(99)}
            emit.result("round trip, ms", design=design, **row)
        for design, columns in self._samples.items():
            usages = {
                column: ThreadUsage(*map(fmean, zip(*(each.own for each in samples), strict=True)))
                for column, samples in columns.items()
            }
            limit = [column for column, own in usages.items() if own.busy_s > _FULL]
            at_limit += len(limit)
            shares = {column: round(100 * own.cpu_s) for column, own in usages.items()}
            emit.result("our clients' CPU, %", design=design, **shares, limit=", ".join(limit))
        return at_limit
