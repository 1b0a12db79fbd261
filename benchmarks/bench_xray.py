"""What `procdemo xray` costs: how long a picture takes, and for how long the program is held meanwhile.

    pip install py-spy        # the lines of Python
    python benchmarks/bench_xray.py [ROUNDS]

The program: 16 processes, of which 15 wait and one looks at the clock all the time. The longest time between
two of its looks is that for which it was held, or in which another process had its CPU: so it is told for
ROUNDS pictures (10), and for as many times of the same length without one. The targets: 2 s for a picture,
and 100 ms more than without.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import sys, time
from multiprocessing import get_context
if __name__ == "__main__":
    context = get_context("fork")
    children = [context.Process(target=time.sleep, args=(3600,), daemon=True) for _ in range(15)]
    for child in children: child.start()
    print("ready", flush=True)
    for seconds in sys.stdin:
        end, longest, last = time.monotonic() + float(seconds), 0.0, time.monotonic()
        while last < end:
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        print(longest, flush=True)
"""
XRAY = [str(Path(sys.executable).with_name("procdemo")), "xray", "--json"]


def longest_ms(program, seconds, pid=None):
    """Return the longest time between two looks in so many seconds, in ms; and that of the picture, in s."""
    program.stdin.write(f"{seconds}\n")
    program.stdin.flush()
    begin = time.monotonic()
    if pid:
        rows = subprocess.run([*XRAY, str(pid)], stdout=subprocess.PIPE, text=True, check=True).stdout
        threads = sum(json.loads(line)["name"] == "thread" for line in rows.splitlines())
        assert threads >= 16, threads  # noqa: PLR2004, S101 - all of them
    took = time.monotonic() - begin
    return 1e3 * float(program.stdout.readline()), took


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        program.stdout.readline()
        alone, held, pictures = [], [], []
        for _ in range(rounds):
            alone.append(longest_ms(program, 2.0)[0])
            longest, took = longest_ms(program, 2.0, program.pid)
            held.append(longest)
            pictures.append(took)
        program.stdin.close()
    facts = {
        "picture_s": round(statistics.median(pictures), 2),
        "picture_s_most": round(max(pictures), 2),
        "held_ms": round(statistics.median(held)),
        "held_ms_most": round(max(held)),
        "without_ms": round(statistics.median(alone)),
        "without_ms_most": round(max(alone)),
    }
    sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
