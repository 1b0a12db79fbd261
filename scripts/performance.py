"""Measure what docs/performance-tables.md shows between its two marks, and write it there.

The table in docs/performance.md, for learners, is made of those tables.

python scripts/performance.py          (about six minutes; the machine must have nothing else to do)
python scripts/performance.py --read   (measures nothing: makes docs/performance.md of the tables as they are)
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from procdemo.bench.load_meter import LoadMeter
from procdemo.bench.server_process import ServerProcess
from procdemo.demo.events import Emitter
from procdemo.demo.settings import usable_cpus
from procdemo.servers.fd_limit import raise_fd_limit

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DOCS_FOLDER = Path(__file__).parents[1] / "docs"
PAGE = DOCS_FOLDER / "performance-tables.md"
BEGIN, END = "<!-- measured by scripts/performance.py -->", "<!-- end of what was measured -->"
OVERVIEW = DOCS_FOLDER / "performance.md"
OVERVIEW_BEGIN = "<!-- from performance-tables.md, by scripts/performance.py -->"
OVERVIEW_END = "<!-- end of what is from performance-tables.md -->"
TO_REMEMBER = (
    (
        "start a thread or a process",
        "bench start: ms for a start",
        "median",
        1e3,
        (
            "thread",
            "os.fork()",
            "Process, fork",
            "Process, forkserver",
            "Process, spawn",
        ),
    ),
    (
        "send an item to another process",
        "bench queues: items per second",
        "median",
        0,
        (
            "Queue, 100 in a message",
            "Queue",
            "Manager().Queue",
        ),
    ),
    (
        "have a pool do a task",
        "bench pools: break-even",
        "way us",
        1,
        (
            "Pool.map",
            "Pool.apply_async, a callback",
            "executor.submit",
        ),
    ),
    (
        "serve a new connection",
        "bench servers: connections per second, 8 clients",
        "median",
        0,
        (
            "2 pre-forked event loops",
            "Pool(8)",
            "a thread for each",
            "a process for each, fork",
            "a process for each, spawn",
        ),
    ),
)
"""What a learner should remember: title, table, column, unit in us (0: so many a second), designs."""
PROCDEMO = str(Path(sys.executable).with_name("procdemo"))
DOCS = Path("/usr/share/doc/python3.11/html")
BENCHES = {
    "start": ["--budget", "20"],
    "queues": ["--budget", "20"],
    "pools": ["--budget", "20"],
    "servers": ["--budget", "40", "--hold", "10000", "--patience", "20"],
}
HELD = {
    "2 pre-forked event loops": ("selector_server", {"workers": 2}, 10_000),
    "asyncio": ("async_server", {}, 10_000),
    "a thread for each": ("thread_server", {}, 10_000),
    "a process for each, fork": ("echo_server", {}, 1_000),
}
"""Designs, and how many clients they are asked to hold."""
SILENT = Emitter(lambda _: None)
REPEAT = 3


@dataclass
class Table:
    """A table of the page."""

    title: str
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        lines = [
            f"\n### {self.title}\n",
            f"| {' | '.join(column.replace('_', ' ') for column in columns)} |",
            "|---|" + "---:|" * (len(columns) - 1),
        ]
        lines += [f"| {' | '.join(cell(row.get(column)) for column in columns)} |" for row in self.rows]
        return "\n".join(lines)


def cell(value: Any) -> str:
    """Return a value as the text of a cell."""
    if isinstance(value, float):
        value = float(f"{value:.3g}")
        value = int(value) if value.is_integer() else value
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str("" if value is None else value)


def events(*args: str) -> list[dict[str, Any]]:
    """Run a demo; return its events."""
    sys.stderr.write(f"procdemo {' '.join(args)}\n")
    done = subprocess.run([PROCDEMO, *args, "--json"], stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def best(key: str, *args: str) -> float:
    """Return the largest figure of some runs: other programs have disturbed that run least."""
    return max(events(*args)[-1]["data"][key] for _ in range(REPEAT))


def benches() -> Iterator[Table]:
    """Yield the tables of each comparison."""
    for bench, args in BENCHES.items():
        found: dict[str, list[dict[str, Any]]] = {}
        log = events("bench", bench, *args)
        for event in log:
            if event["kind"] == "result" and event["name"] != "summary":
                row = {key: value for key, value in event["data"].items() if key != "bar"}
                found.setdefault(event["name"], []).append(row)
        verdict = log[-1]["data"]["verdict"]
        for title, rows in found.items():
            yield Table(f"bench {bench}: {title}", rows)
        sys.stderr.write(f"  {verdict}\n")


def by_clients() -> Table:
    """Return what it costs to hold one to ten thousand clients."""
    rows = []
    raise_fd_limit(max(most for *_, most in HELD.values()), SILENT)
    for name, (module, settings, most) in HELD.items():
        row: dict[str, Any] = {"design": name}
        for clients in (1, 10, 100, 1_000, 10_000):
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
    """Return the connections per second with one to thirty-two workers."""
    rows = []
    for name, module in (("pre-forked workers", "prefork_server"), ("Pool", "pool_server")):
        row: dict[str, Any] = {"design": name}
        for workers in (1, 2, 4, 8, 16, 32):
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


def about() -> Iterable[str]:
    """Yield the lines that name the machine and the Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if "model name" in line
        ),
        "",
    )
    yield f"\nMeasured on {time.strftime('%Y-%m-%d')}: {usable_cpus()} CPUs ({model or platform.machine()}),"
    yield f"{platform.system()} {os.uname().release}, CPython {platform.python_version()}."


def tables_in(page: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return the tables of a page in Markdown: by title, by design, by column."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    title, columns = "", list[str]()
    for line in page.splitlines():
        if line.startswith("#"):
            title, columns = line.lstrip("# "), []
        elif line.startswith("|") and not line.startswith("|--"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if columns:
                found.setdefault(title, {})[cells[0]] = dict(zip(columns, cells, strict=True))
            columns = columns or cells
    return found


def to_remember(page: str) -> list[str]:
    """Return the lines of the table for learners, made of the tables of a page."""
    tables = tables_in(page)
    lines = ["", "| to ... | by | takes about | times the first |", "|---|---|---:|---:|"]
    for what, title, column, unit, designs in TO_REMEMBER:
        figures = {name: float(tables[title][name][column].replace(",", "")) for name in designs}
        times = {name: figure * unit if unit else 1e6 / figure for name, figure in figures.items()}
        for name, us in times.items():
            ratio = us / times[designs[0]]
            said = f"{_short(us)} us" if us < 1e3 else f"{_short(us / 1e3)} ms"  # noqa: PLR2004
            lines.append(f"| {what} | {name} | {said} | {ratio:,.0f} |")
            what = ""  # noqa: PLW2901 - said once
    return [*lines, ""]


def _short(figure: float) -> str:
    """Return a figure with two significant digits."""
    return f"{float(f'{figure:.2g}'):g}"


def replace_between(page: Path, begin: str, lines: Iterable[str], end: str) -> None:
    """Write `lines` between two marks of a page."""
    before, _, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(before + "\n".join([begin, *lines, end]) + after, "utf-8")


def main() -> None:
    """Measure, and write the pages."""
    if sys.argv[1:] != ["--read"]:
        tables = [*benches(), by_clients(), by_workers(), by_items(), by_pages(), by_processes()]
        replace_between(PAGE, BEGIN, [*about(), *map(str, tables), ""], END)
    replace_between(OVERVIEW, OVERVIEW_BEGIN, to_remember(PAGE.read_text("utf-8")), OVERVIEW_END)


if __name__ == "__main__":
    main()
