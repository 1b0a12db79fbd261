"""What a connection, and a request, costs our servers, beside servers written by hand (Linux).

    python benchmarks/bench_servers.py [NAME ...] [--rounds 5]

Measured is the CPU time of the server's processes (with procdemo's: the command, which samples and reports,
too), not the clock: so the clients cost nothing, and other work on the machine changes little. All of a group
run in turn. The ratio says how much the other needs for what ours needs 1.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

RIVALS = Path(__file__).with_name("server_rivals.py")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CLIENTS = 4  # processes, one connection after the other
AT_ONCE = 64  # clients with an open connection that all ask at once


@contextmanager
def server(command: list[str]) -> Iterator[tuple[int, int]]:
    """Start a server; yield its PID and its port."""
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, process_group=0, text=True
    ) as process:
        assert process.stdout  # noqa: S101 - for the type checker
        port = next(filter(None, map(port_in, process.stdout)))
        os.set_blocking(process.stdout.fileno(), False)
        reader = get_context("fork").Process(target=throw_away, args=(process.stdout.fileno(),))
        reader.start()
        try:
            yield process.pid, port
        finally:
            if command[0] == "-m":
                process.send_signal(signal.SIGTERM)
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join()


def port_in(line: str) -> int:
    """Return the port that a line of a server says; 0 if it says none."""
    said = json.loads(line)
    return said if isinstance(said, int) else said["data"]["port"] if said["name"] == "listening" else 0


def throw_away(fd: int) -> None:
    """Read until the end: a server whose events nobody reads would wait."""
    os.set_blocking(fd, True)
    while os.read(fd, 1 << 16):
        pass


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of all below it, and of those that these have waited for."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    reaped = sum(map(int, fields[13:15])) / TICKS_PER_S
    own = sum(int((thread / "schedstat").read_text().split()[0]) for thread in process.glob("task/*")) / 1e9
    children = [int(child) for each in process.glob("task/*/children") for child in each.read_text().split()]
    return own + reaped + sum(map(cpu_seconds, children))


def connect_again_and_again(port: int, count: int) -> None:
    """Connect, ask once, leave; so many times."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as conn:
            conn.send(b"x" * 32)
            conn.recv(64)


def connections(port: int, count: int) -> None:
    """Make `count` connections."""
    fork = get_context("fork")
    args = (port, count // CLIENTS)
    clients = [fork.Process(target=connect_again_and_again, args=args) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def requests(port: int, count: int) -> None:
    """Send `count` requests on 64 connections: each round one on each, then all answers are read."""
    conns = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_ONCE)]
    for _ in range(count // AT_ONCE):
        for conn in conns:
            conn.send(b"x" * 32)
        for conn in conns:
            conn.recv(64)
    for conn in conns:
        conn.close()


Load = Callable[[int, int], None]


def measure(command: list[str], load: Load, count: int) -> float:
    """Return the CPU microseconds of a server for one of `count` connections or requests."""
    with server(command) as (pid, port):
        load(port, count // 10)  # so that all is warm
        before = cpu_seconds(pid)
        load(port, count)
        return (cpu_seconds(pid) - before) / count * 1e6


def ours(name: str, *options: str) -> list[str]:
    return ["-m", "procdemo", name, "--port", "0", "--json", "--max-connections", "10000", *options]


def rival(name: str, *workers: str) -> list[str]:
    return [str(RIVALS), name, *workers]


GROUPS: dict[str, tuple[Load, int, dict[str, list[str]]]] = {
    "prefork-server": (
        connections,
        20_000,
        {"ours": ours("prefork-server", "-n", "8"), "by hand": rival("prefork"), "a Pool": rival("pool")},
    ),
    "selector-server": (
        requests,
        100_000,
        {
            "ours": ours("selector-server", "-n", "1"),
            "uvloop": rival("uvloop"),
            "selectors": rival("loop"),
        },
    ),
    "async-server": (
        requests,
        50_000,
        {"ours": ours("async-server"), "uvloop": rival("uvloop"), "asyncio's protocol": rival("protocol")},
    ),
    "echo-server": (connections, 600, {"ours": ours("echo-server"), "Process by hand": rival("process")}),
    "pool-server": (connections, 4_000, {"ours": ours("pool-server", "-n", "8"), "a Pool": rival("pool")}),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name in options.names or GROUPS:
        load, count, servers = GROUPS[name]
        costs: dict[str, list[float]] = {each: [] for each in servers}
        runs = {each: partial(measure, command, load, count) for each, command in servers.items()}
        for turn in range(options.rounds):
            for each in list(runs)[:: -1 if turn % 2 else 1]:
                costs[each].append(runs[each]())
        what = "a connection" if load is connections else f"a request of {AT_ONCE} clients"
        for each, measured in costs.items():
            ratio = statistics.median(cost / own for cost, own in zip(measured, costs["ours"], strict=True))
            sys.stdout.write(
                f"{name:16} {each:20} {statistics.median(measured):9.2f} us of CPU for {what}, "
                f"of ours {ratio:5.2f}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
