"""T6: pages per second of crawl-callback and of a crawler written by hand, side by side on one site.

    pip install urllib3        # for the crawler written by hand
    python benchmarks/bench_crawl.py [--site DIR] [--workers 2] [--rounds 7]

Both crawl the same server, in turns (the order changes each round), each in a process of its own. "crawl" is
from the first request to the last page; "command" is the whole process, with the start of Python (and with
--site of a server). "CPU" is the CPU time of the command and all its processes (with --site: its server's,
too) for a page; on a machine with other work it says more than the clock. The ratios are of the medians; the
targets are 1.0 for a site of our own, and 0.95 for one of a stranger, whose large pages their workers parse
(procdemo/crawler/parse_guard.py).
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from procdemo.crawler.local_site import serve_site
from procdemo.demo.events import Emitter

RIVAL = Path(__file__).with_name("crawl_rival.py")


def cpu_seconds() -> float:
    """Return the CPU time of all processes that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rival(url: str, workers: int) -> tuple[int, float]:
    """Run the crawler written by hand; return pages and seconds."""
    out = subprocess.run(
        [sys.executable, RIVAL, url, str(workers)], stdout=subprocess.PIPE, check=True
    ).stdout
    answer = json.loads(out)
    return answer["pages"], answer["seconds"]


def ours(where: list[str], workers: int) -> tuple[int, float]:
    """Run procdemo; return pages and the seconds from the first fetch to the last page."""
    command = [sys.executable, "-m", "procdemo", "crawl-callback", *where, "--json", "-n"]
    out = subprocess.run([*command, str(workers)], capture_output=True, check=True).stdout
    events = [json.loads(line) for line in out.splitlines()]
    pages = [event["time_ns"] for event in events if event["name"] == "page"]
    first = next(event["time_ns"] for event in events if event["name"] == "fetch")
    return len(pages), (max(pages) - first) / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", type=Path, default=Path("/usr/share/doc/python3.11/html"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    silent = Emitter(lambda _: None)
    server = multiprocessing.Process(target=serve_site, args=(options.site, 0, sender, silent), daemon=True)
    server.start()
    sender.close()  # so that its end is noticed
    url = f"http://127.0.0.1:{receiver.recv()}/"
    candidates = {
        "rival": lambda: rival(url, options.workers),
        "ours, --site": lambda: ours(["--site", str(options.site)], options.workers),
        "ours, URL": lambda: ours([url, "--allow-private"], options.workers),
    }
    crawls: dict[str, list[float]] = {name: [] for name in candidates}
    commands: dict[str, list[float]] = {name: [] for name in candidates}
    costs: dict[str, list[float]] = {name: [] for name in candidates}
    try:
        for number in range(options.rounds):
            for name in list(candidates)[:: -1 if number % 2 else 1]:
                before, used = time.perf_counter(), cpu_seconds()
                pages, seconds = candidates[name]()
                costs[name].append(pages / (cpu_seconds() - used))
                commands[name].append(pages / (time.perf_counter() - before))
                crawls[name].append(pages / seconds)
                sys.stdout.write(f"round {number} {name:<12} {pages} pages {pages / seconds:7.1f} pages/s\n")
    finally:
        server.terminate()
        server.join()
    for what, rates in (("crawl", crawls), ("command", commands), ("CPU", costs)):
        for name, measured in rates.items():
            rate, best = statistics.median(measured), max(measured)
            ratio = rate / statistics.median(rates["rival"])
            of = " of CPU" if rates is costs else ""
            sys.stdout.write(
                f"{what:<8} {name:<12} median {rate:6.1f}, best {best:6.1f} pages/s{of}, ratio {ratio:.3f}\n"
            )


if __name__ == "__main__":
    main()
