"""What loads on servers cost: the servers, those who wait for an answer, and us, who ask."""

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
_FULL = 0.9  # of the time in which our clients, one thread, could go on: then they are what is measured
_COMERS = 8


class _Load(NamedTuple):
    answered: int
    cpu_s: float
    """Of the server."""
    own: ThreadUsage
    """What we did, as parts of the time."""


class LoadMeter:
    """Puts loads on servers, and keeps account of them."""

    def __init__(self, timeout: float) -> None:
        """Give up after `timeout` seconds without an answer."""
        self._timeout = timeout
        self._loads: dict[str, dict[str, list[_Load]]] = defaultdict(lambda: defaultdict(list))
        self._round_trips: dict[str, dict[str, LatencyReservoir]] = defaultdict(
            lambda: defaultdict(LatencyReservoir)
        )
        self.failures = 0
        """Clients that were refused, cut off, or told something else than they should."""

    def connections(self, target: ServerProcess) -> float:
        """Have clients come, eight at a time, ask once and leave; return how many came in a second."""
        addresses = resolve("127.0.0.1", target.port, self._timeout)
        wanted = load_generator.Load(_COMERS, messages=1, size=32, timeout=self._timeout)
        cpu_s, own, begin = tree_cpu_s(target.pid), ThreadUsage.now(), time.monotonic()
        answered, seconds = 0, 0.0
        while seconds < _SAMPLE_S:
            found = load_generator.generate_load(addresses, wanted, lambda _: None)
            answered += found.answered
            self.failures += sum(map(len, found.failures.values()))
            seconds = time.monotonic() - begin
        one = _Load(answered, tree_cpu_s(target.pid) - cpu_s, ThreadUsage.now().share(own, seconds))
        self._loads[target.name]["connection"].append(one)
        return answered / seconds

    def requests(self, target: ServerProcess, crowd: HeldClients, clients: int) -> float:
        """Have so many of those who are connected ask for a moment; return the answers in a second."""
        cpu_s = tree_cpu_s(target.pid)
        found = crowd.generate_load(clients, _SAMPLE_S, self._round_trips[target.name][str(clients)])
        one = _Load(found.answered, tree_cpu_s(target.pid) - cpu_s, found.own)
        self._loads[target.name][f"request_{clients}"].append(one)
        return found.answered / found.seconds

    def report(self, emit: Emitter) -> int:
        """Report the tables; return how many figures are our clients' limit, and no server's."""
        at_limit = 0
        for design, columns in self._loads.items():
            costs = {
                column: round(sum(one.cpu_s for one in loads) / sum(one.answered for one in loads) * 1e6, 1)
                for column, loads in columns.items()
                if any(one.answered for one in loads)
            }
            emit.result("server's CPU time, us", design=design, **costs)
        for design, trips in self._round_trips.items():
            row: dict[str, float | None] = {}
            for clients, times in trips.items():
                row |= {f"p50_{clients}": times.percentile_ms(50), f"p99_{clients}": times.percentile_ms(99)}
            emit.result("round trip, ms", design=design, **row)
        for design, columns in self._loads.items():
            efforts = {
                column: ThreadUsage(*map(fmean, zip(*(one.own for one in loads), strict=True)))
                for column, loads in columns.items()
            }
            limit = [column for column, own in efforts.items() if own.busy_s > _FULL]
            at_limit += len(limit)
            shares = {column: round(100 * own.cpu_s) for column, own in efforts.items()}
            emit.result("our clients' CPU, %", design=design, **shares, limit=", ".join(limit))
        return at_limit
