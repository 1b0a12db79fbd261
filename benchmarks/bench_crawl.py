"""T6: pages per second of crawl-callback and of a crawler written by hand, side by side on one site.

    python benchmarks/bench_crawl.py [--site DIR] [--workers 2] [--rounds 7]

Both crawl the same server, in turns (the order changes each round), each in a process of its own. "crawl" is
from the first request to the last page; "command" is the whole process, with the start of Python (and with
--site of a server). The ratio is of the medians; the target is 0.95 for "crawl". A site given by URL is not
trusted: each page is parsed twice, first by its worker, which may be killed if that takes too long
(procdemo/crawler/parse_guard.py).
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path

from procdemo.crawler.local_site import serve_site
from procdemo.demo.events import Emitter

RIVAL = Path(__file__).with_name("crawl_rival.py")


def rival(url: str, workers: int) -> tuple[int, float]:
    """Run the crawler written by hand; return pages and seconds."""
    out = subprocess.run([sys.executable, RIVAL, url, str(workers)], capture_output=True, check=True).stdout
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
    server = multiprocessing.Process(target=serve_site, args=(options.site, sender, silent), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{receiver.recv()}/"
    candidates = {
        "rival": lambda: rival(url, options.workers),
        "ours, --site": lambda: ours(["--site", str(options.site)], options.workers),
        "ours, URL": lambda: ours([url, "--allow-private"], options.workers),
    }
    crawls: dict[str, list[float]] = {name: [] for name in candidates}
    commands: dict[str, list[float]] = {name: [] for name in candidates}
    try:
        for number in range(options.rounds):
            for name in list(candidates)[:: -1 if number % 2 else 1]:
                before = time.perf_counter()
                pages, seconds = candidates[name]()
                commands[name].append(pages / (time.perf_counter() - before))
                crawls[name].append(pages / seconds)
                sys.stdout.write(f"round {number} {name:<12} {pages} pages {pages / seconds:7.1f} pages/s\n")
    finally:
        server.terminate()
        server.join()
    for what, rates in (("crawl", crawls), ("command", commands)):
        for name, measured in rates.items():
            rate, best = statistics.median(measured), max(measured)
            ratio = rate / statistics.median(rates["rival"])
            sys.stdout.write(
                f"{what:<8} {name:<12} median {rate:6.1f}, best {best:6.1f} pages/s, ratio {ratio:.3f}\n"
            )


if __name__ == "__main__":
    main()
