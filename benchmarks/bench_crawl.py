"""T6: pages a second of crawl-callback and of the hand-written rival, side by side on one site.

    python benchmarks/bench_crawl.py [--site DIR] [--workers 2] [--rounds 7]

Both crawl the same server, in turns (the order changes each round), each in a process of its
own. "crawl" is from the first request to the last page; "command" is the whole process, with
the start of Python. The ratio is of the medians; the target is 0.95 for "crawl".
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path

from procdemo.events import Emitter
from procdemo.site import serve_site

RIVAL = Path(__file__).with_name("crawl_rival.py")


def rival(url: str, workers: int) -> tuple[int, float]:
    """Run the rival; return pages and seconds."""
    out = subprocess.run([sys.executable, RIVAL, url, str(workers)], capture_output=True, check=True).stdout
    answer = json.loads(out)
    return answer["pages"], answer["seconds"]


def ours(url: str, workers: int) -> tuple[int, float]:
    """Run procdemo; return pages and the seconds from the first fetch to the last page."""
    command = [sys.executable, "-m", "procdemo", "crawl-callback", url, "--allow-private", "--json", "-n"]
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
    nobody = Emitter(lambda _: None)
    server = multiprocessing.Process(target=serve_site, args=(options.site, sender, nobody), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{receiver.recv()}/"
    rates: dict[str, list[float]] = {"rival": [], "ours": []}
    commands: dict[str, list[float]] = {"rival": [], "ours": []}
    contestants = [("rival", rival), ("ours", ours)]
    try:
        for number in range(options.rounds):
            for name, crawl in contestants[:: -1 if number % 2 else 1]:
                before = time.perf_counter()
                pages, seconds = crawl(url, options.workers)
                commands[name].append(pages / (time.perf_counter() - before))
                rates[name].append(pages / seconds)
                sys.stdout.write(f"round {number} {name:<6} {pages} pages  {pages / seconds:7.1f} pages/s\n")
    finally:
        server.terminate()
        server.join()
    for what, measured in (("crawl", rates), ("command", commands)):
        rival_rate, our_rate = (statistics.median(measured[name]) for name in ("rival", "ours"))
        ratio = our_rate / rival_rate
        sys.stdout.write(
            f"{what:<8} rival {rival_rate:.1f}  ours {our_rate:.1f} pages/s  ratio {ratio:.3f}\n"
        )


if __name__ == "__main__":
    main()
