"""What a client costs, for each design of a server.

What to watch:
  - a process for each client costs a fork for each connection. A Pool costs
    a transfer to a worker. Workers that accept for themselves cost neither
  - once the clients are connected, a request costs two system calls,
    whatever the design. An event loop asks the kernel about many clients at
    once
  - a worker that serves one client at a time lets the others wait: see how
    many are served
  - the server's own CPU time is the best figure: our clients, which need the
    same CPUs, do not change it

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
from procdemo.demo.events import INCONCLUSIVE, SUMMARY, Emitter
from procdemo.demo.settings import Arg, StartMethod, usable_cpus
from procdemo.servers import fd_limit
from procdemo.servers.fd_limit import raise_fd_limit

BLOCKS = (comparison, fd_limit)
STORY = {"crowd": "{design}: {clients} clients are connected, {served} of them served"}
_CLIENTS = (1, 8, 64)
_TIMEOUT_S = 20.0
_ROUNDS = (
    0.6  # part of the budget; connecting the clients to each server, and holding a thousand, is the rest
)
_SPARE = 200  # descriptors besides those of our clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Workers of pools and of pre-forked servers.", min=1, max=64, short="-n")] = 8
    hold: Annotated[int, Arg("Clients held at once; 0 for none.", min=0, max=50_000)] = 1_000
    patience: Annotated[float, Arg("Longest time to connect them.", min=0.1, metavar="SECONDS")] = 1.0


class ServerDesign(NamedTuple):
    """A server with its settings: a row of the tables."""

    name: str
    module: str
    """Name of the pattern."""
    at_once: int
    """How many clients it serves at a time."""
    settings: dict[str, Any]


def server_designs(config: Config) -> list[ServerDesign]:
    """Return the servers to be compared."""
    n, cpus, all_ = config.workers, usable_cpus(), 1_000_000
    found = [
        ServerDesign("iterative: one worker", "prefork_server", 1, {"workers": 1}),
        ServerDesign(f"{n} pre-forked workers", "prefork_server", n, {"workers": n}),
        ServerDesign(f"Pool({n})", "pool_server", n, {"workers": n}),
        ServerDesign("a thread for each", "thread_server", all_, {}),
        ServerDesign(f"a pool of {n} threads", "thread_server", n, {"threads": n}),
        ServerDesign("asyncio", "async_server", all_, {}),
        ServerDesign(f"{cpus} pre-forked event loops", "selector_server", all_, {"workers": cpus}),
    ]
    found += [
        ServerDesign(f"a process for each, {method}", "echo_server", all_, {"start_method": method})
        for method in map(StartMethod, get_all_start_methods())
    ]
    if find_spec("uvloop"):
        found.append(ServerDesign("uvloop", "async_server", all_, {"loop": "uvloop"}))
    return found


def run(config: Config, emit: Emitter) -> None:
    """Start all servers; put loads on each in turn; see how many clients each holds; sum up."""
    designs = server_designs(config)
    raise_fd_limit(max(config.hold, len(designs) * _CLIENTS[-1]) + _SPARE, emit)
    meter = LoadMeter(_TIMEOUT_S)
    with contextlib.ExitStack() as stack:
        servers = {design.name: stack.enter_context(start(design, config)) for design in designs}
        for server in servers.values():  # on exit, all are asked to end before the first is waited for
            stack.callback(server.stop)
        share = replace(config, budget=_ROUNDS * config.budget / (1 + len(_CLIENTS)))
        connecting = [Design(name, partial(meter.connections, server)) for name, server in servers.items()]
        findings = [compare(connecting, "connections per second, 8 clients", share, emit)]
        findings += compare_requests(designs, servers, meter, share, emit)
        at_limit = meter.report(emit)
        for server in servers.values() if config.hold else ():
            held = server.hold(config.hold, config.patience)
            row = {"held": held.clients, "why not more": held.why, "kib each": round(held.kib_each, 1)}
            emit.result("clients held", design=server.name, **row)
            server.end()
    summary = {"ok": True, "failures": meter.failures, **sum_up(findings, at_limit)}
    if meter.failures:
        reason = f"{meter.failures} clients were refused, cut off, or got a wrong answer"
        summary |= {"ok": False, "outcome": "", "reason": reason}
    emit.result(SUMMARY, **summary)


def start(design: ServerDesign, config: Config) -> ServerProcess:
    """Return the server of a design, with limits that the loads do not reach; it starts on entry."""
    patience = 10 * config.budget + 600
    limits: dict[str, Any] = {"idle_timeout": patience, "total_timeout": patience, "max_bytes": 1 << 60}
    limits |= {"max_connections": config.hold + 100, "grace": 0.1}
    return ServerProcess(config.context(), design.name, design.module, **{**limits, **design.settings})


def compare_requests(
    designs: list[ServerDesign],
    servers: dict[str, ServerProcess],
    meter: LoadMeter,
    share: Config,
    emit: Emitter,
) -> list[Findings]:
    """Connect 64 clients to every server; compare the requests per second of one, eight and all."""
    with contextlib.ExitStack() as stack:
        clients_of = {}
        for design in designs:
            port = servers[design.name].port
            held = stack.enter_context(HeldClients(port, _CLIENTS[-1], _TIMEOUT_S))
            held.wait_for_answers(served := min(design.at_once, _CLIENTS[-1]))
            emit.mark("crowd", design=design.name, clients=_CLIENTS[-1], served=served)
            clients_of[design.name] = held
        findings = []
        for clients in _CLIENTS:
            measure = partial(meter.requests, clients=clients)
            samples = [
                Design(name, partial(measure, servers[name], held)) for name, held in clients_of.items()
            ]
            unit = f"requests per second, {clients} client{'s' * (clients > 1)}"
            findings.append(compare(samples, unit, share, emit))
        return findings


def sum_up(findings: list[Findings], at_limit: int) -> dict[str, Any]:
    """Return one summary for several comparisons; `at_limit` figures show the limit of our clients."""
    summaries = [found.summary for found in findings]
    verdicts = dict.fromkeys(each["verdict"] for each in summaries)
    if at_limit:
        verdicts[f"no verdict on {at_limit} figures: our clients were at their own limit"] = None
    outcome = {"outcome": INCONCLUSIVE} if any("outcome" in each for each in summaries) else {}
    return outcome | {
        "rounds": sum(each["rounds"] for each in summaries),
        "seconds": sum(each["seconds"] for each in summaries),
        "others": max(each["others"] for each in summaries),
        "best": ", ".join(dict.fromkeys(each["best"] for each in summaries)),
        "verdict": "; ".join(verdicts),
    }
