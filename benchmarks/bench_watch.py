"""What `procdemo watch` costs: how much longer a program takes under it, and what the watcher takes of a CPU.

    python benchmarks/bench_watch.py [PAIRS] [SECONDS]

Three programs, of about SECONDS each (10): eight processes that compute; two producers and two consumers over
a queue; a crawl of a local site by a Pool. Each runs alone and under watch in turn, PAIRS times (20). The
programs measure their own time, so the start of watch is not in the ratio; it is reported apart: from the
call until the program's first line. The targets: a median ratio of at most 1.03, and 3 % of one CPU.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPUTE = """
from multiprocessing import Process
def work(rounds):
    for _ in range(rounds): sum(range(10_000))
def run(size):
    processes = [Process(target=work, args=(size,)) for _ in range(8)]
    for process in processes: process.start()
    for process in processes: process.join()
"""
QUEUE = """
from multiprocessing import JoinableQueue, Process
def produce(queue, items):
    for item in range(items): queue.put(item)
def consume(queue):
    while True:
        queue.get(); queue.task_done()
def run(size):
    queue = JoinableQueue(100)
    consumers = [Process(target=consume, args=(queue,), daemon=True) for _ in range(2)]
    producers = [Process(target=produce, args=(queue, 30 * size)) for _ in range(2)]
    for process in consumers + producers: process.start()
    for process in producers: process.join()
    queue.join()
"""
CRAWL = """
import re, urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Pool, Process
class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
def serve(server): server.serve_forever()
def fetch(url):
    with urllib.request.urlopen(url) as answer: return len(re.findall(b"<a ", answer.read()))
def run(size):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    site = Process(target=serve, args=(server,), daemon=True)
    site.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    with Pool(2) as pool:
        for _ in pool.imap_unordered(fetch, [url] * size, chunksize=4): pass
"""
PROGRAMS = {"8 compute": COMPUTE, "queue": QUEUE, "crawl": CRAWL}
MAIN = """
import sys, time
if __name__ == "__main__":
    print(time.monotonic(), flush=True)
    begin = time.perf_counter()
    run(int(sys.argv[1]))
    print(time.perf_counter() - begin, flush=True)
"""
WATCH = [str(Path(sys.executable).with_name("procdemo")), "watch", "-q", "--"]


def once(script, size, *, watched):
    """Return the seconds of a run, those until its first line, and the watcher's CPU seconds."""
    command = [*(WATCH if watched else []), sys.executable, script, str(size)]
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        started = float(process.stdout.readline()) - begin
        cpu = cpu_of(process.pid)
        seconds = float(process.stdout.readline())
        cpu = cpu_of(process.pid) - cpu if watched else 0.0
    return seconds, started, cpu


def cpu_of(pid):
    """Return the CPU seconds of a process, and of its children that have ended: those that read stacks."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    wanted = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0  # noqa: PLR2004
    with tempfile.TemporaryDirectory() as folder:
        for name, source in PROGRAMS.items():
            script = Path(folder) / "script.py"
            script.write_text(source + MAIN, encoding="utf-8")
            (Path(folder) / "index.html").write_text("<a href=x>x</a>" * 500, encoding="utf-8")
            os.chdir(folder)
            size = 200
            size = max(int(size * wanted / once(script, size, watched=False)[0]), 1)
            ratios, starts, shares = [], [], []
            for number in range(pairs):
                runs = {}
                for watched in (False, True)[:: -1 if number % 2 else 1]:
                    runs[watched] = once(script, size, watched=watched)
                ratios.append(runs[True][0] / runs[False][0])
                starts.append(runs[True][1] - runs[False][1])
                shares.append(runs[True][2] / runs[True][0])
            facts = {
                "program": name,
                "ratio": round(statistics.median(ratios), 3),
                "from": round(min(ratios), 3),
                "to": round(max(ratios), 3),
                "start_ms": round(1000 * statistics.median(starts)),
                "watcher_percent_of_a_cpu": round(100 * statistics.median(shares), 2),
            }
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
