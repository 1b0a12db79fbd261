"""Stevens' table for today's Python: what a client costs, by design of the server.

What to watch: a process for each client pays for every connection, a pool hands each over, workers
that accept for themselves pay nothing. Once they are connected, all that counts for little: then
a request costs two system calls, and an event loop asks the kernel about many clients at once. But
who serves one client at a time lets the others wait, however fast it is: look at who is served. The
server's own CPU time says most: our clients, who need the same CPUs, cannot spoil it.

\b
Try:
  procdemo bench servers
  procdemo bench servers --workers 4 --hold 10000 --patience 5
  procdemo bench servers --json > old.jsonl
  procdemo bench servers --compare old.jsonl

Compare with: W. R. Stevens, UNIX Network Programming, volume 1, chapter 30.
"""

import contextlib
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_all_start_methods
from typing import Annotated, Any, NamedTuple

from procdemo.bench import comparison
from procdemo.bench.comparison import BenchSettings, Design, Findings, compare
from procdemo.bench.held_clients import HeldClients
from procdemo.bench.load_meter import LoadMeter
from procdemo.bench.server_process import ServerProcess
from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, StartMethod, usable_cpus
from procdemo.servers import fd_limit
from procdemo.servers.fd_limit import make_room

BLOCKS = (comparison, fd_limit)
STORY = {"crowd": "{design}: {clients} clients are connected, {served} of them served"}
_CROWD = (1, 8, 64)
_TIMEOUT_S = 20.0
_ROUNDS = 0.6  # of the budget; to connect that many to each server, and to hold a thousand, takes the rest
_SPARE = 200  # descriptors besides our clients'


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Workers of pools and of pre-forked servers.", min=1, max=64, short="-n")] = 8
    hold: Annotated[int, Arg("Clients to be held at once; 0 for none.", min=0, max=50_000)] = 1_000
    patience: Annotated[float, Arg("Longest try to hold them.", min=0.1, metavar="SECONDS")] = 1.0


class Row(NamedTuple):
    """A design of the table."""

    name: str
    module: str
    at_once: int
    """How many clients it serves at a time."""
    settings: dict[str, Any]


def rows(config: Config) -> list[Row]:
    """Return the designs."""
    n, cpus, all_ = config.workers, usable_cpus(), 1_000_000
    found = [
        Row("iterative: one worker", "prefork_server", 1, {"workers": 1}),
        Row(f"{n} pre-forked workers", "prefork_server", n, {"workers": n}),
        Row(f"Pool({n})", "pool_server", n, {"workers": n}),
        Row("a thread for each", "thread_server", all_, {}),
        Row(f"a pool of {n} threads", "thread_server", n, {"threads": n}),
        Row("asyncio", "async_server", all_, {}),
        Row(f"{cpus} pre-forked event loops", "selector_server", all_, {"workers": cpus}),
    ]
    found += [
        Row(f"a process for each, {method}", "echo_server", all_, {"start_method": method})
        for method in map(StartMethod, get_all_start_methods())
    ]
    if find_spec("uvloop"):
        found.append(Row("uvloop", "async_server", all_, {"loop": "uvloop"}))
    return found


def run(config: Config, emit: Emitter) -> None:
    """Start all servers; put the loads on each in turn; see how many clients each holds; sum up."""
    table = rows(config)
    make_room(max(config.hold, len(table) * _CROWD[-1]) + _SPARE, emit)
    meter = LoadMeter(_TIMEOUT_S)
    with contextlib.ExitStack() as stack:
        targets = {row.name: stack.enter_context(start(row, config)) for row in table}
        for target in targets.values():  # all of them, before the first is waited for
            stack.callback(target.stop)
        share = replace(config, budget=_ROUNDS * config.budget / (1 + len(_CROWD)))
        comers = [Design(name, partial(meter.connections, target)) for name, target in targets.items()]
        findings = [compare(comers, "connections per second, 8 clients", share, emit)]
        findings += compare_requests(table, targets, meter, share, emit)
        at_limit = meter.report(emit)
        for target in targets.values() if config.hold else ():
            held = target.hold(config.hold, config.patience)
            told = {"held": held.clients, "why not more": held.why, "kib each": round(held.kib_each, 1)}
            emit.result("clients held", design=target.name, **told)
            target.end()
    emit.result("summary", ok=not meter.failures, failures=meter.failures, **sum_up(findings, at_limit))


def start(row: Row, config: Config) -> ServerProcess:
    """Return the server of a row, with limits that the loads do not reach."""
    patience = 10 * config.budget + 600
    limits: dict[str, Any] = {"idle_timeout": patience, "total_timeout": patience, "max_bytes": 1 << 60}
    limits |= {"max_connections": config.hold + 100, "grace": 0.1}
    return ServerProcess(config.context(), row.name, row.module, **{**limits, **row.settings})


def compare_requests(
    table: list[Row], targets: dict[str, ServerProcess], meter: LoadMeter, share: Config, emit: Emitter
) -> list[Findings]:
    """Have clients stay with every server, and compare what they are answered: one of them, eight, all."""
    with contextlib.ExitStack() as guests:
        crowds = {}
        for row in table:
            crowd = guests.enter_context(HeldClients(targets[row.name].port, _CROWD[-1], _TIMEOUT_S))
            crowd.meet(served := min(row.at_once, _CROWD[-1]))
            emit.mark("crowd", design=row.name, clients=_CROWD[-1], served=served)
            crowds[row.name] = crowd
        findings = []
        for clients in _CROWD:
            ask = partial(meter.requests, clients=clients)
            designs = [Design(name, partial(ask, targets[name], crowd)) for name, crowd in crowds.items()]
            unit = f"requests per second, {clients} client{'s' * (clients > 1)}"
            findings.append(compare(designs, unit, share, emit))
        return findings


def sum_up(findings: list[Findings], at_limit: int) -> dict[str, Any]:
    """Return one summary for several comparisons; `at_limit` figures are our clients', and no server's."""
    summaries = [found.summary for found in findings]
    verdicts = dict.fromkeys(each["verdict"] for each in summaries)
    if at_limit:
        verdicts[f"no verdict on {at_limit} figures: our clients were at their own limit"] = None
    return {
        "rounds": sum(each["rounds"] for each in summaries),
        "seconds": sum(each["seconds"] for each in summaries),
        "others": max(each["others"] for each in summaries),
        "best": ", ".join(dict.fromkeys(each["best"] for each in summaries)),
        "verdict": "; ".join(verdicts),
    }
