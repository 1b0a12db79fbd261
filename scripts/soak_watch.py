"""Programs that work, under `procdemo watch`: how many of them does it say hang? It must be none.

    python scripts/soak_watch.py [--lessons] [--still SECONDS] [WORD]...

All demos under each start method, plain twins, three servers that stand idle and then serve a client, and the
programs of tests/support/healthy_programs.py, which stand still for ever and do not hang: a heartbeat, a
progress bar, time-outs everywhere. With ``--lessons`` the scripts fixed.py of the lab, too: 400 more runs.
WORDs choose runs whose name has one of them. Two run at a time. A line for each run that went wrong, then one
with the counts as JSON; exit status 1 if a run went wrong.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from hanging import START
from healthy_programs import PROGRAMS

from procdemo.catalog import DEMOS
from procdemo.lab import lesson

ROOT = Path(__file__).parents[1]
METHODS = ("fork", "spawn", "forkserver")
PROCDEMO = str(Path(sys.executable).with_name("procdemo"))
RUNNER = str(ROOT / "tests" / "support" / "under_start_method.py")
TWINS = ("crawl_callback", "gil", "prodcons", "race", "spawn", "supervise")
LEFT_OUT = {"lab", "echo-client"}
"""The lab's scripts hang on purpose; the client is run with the idle servers."""
IDLE = ("thread-server", "async-server", "pool-server")
STANDS_S = 5.0
"""For how long programs stand that have no end of their own."""


class Run(NamedTuple):
    """One run."""

    name: str
    command: list[str]
    stands: bool = False
    """Whether it has no end of its own."""
    serves: bool = False
    """Whether it is a server, for which a client comes."""


def runs(folder: Path) -> Iterator[Run]:
    """Yield all runs but those of lessons; scripts are written into the folder."""
    python = sys.executable
    for method in METHODS:
        for demo in DEMOS:
            name = demo.name
            if name not in LEFT_OUT:
                more = ["--port", "0", "--clients", "2"] if name.endswith("-server") else []
                more += ["--budget", "3"] if name.startswith("bench") else []
                yield Run(
                    f"{name} {method}", [PROCDEMO, *name.split(), "--start-method", method, "--json", *more]
                )
        for twin in TWINS:
            script = str(ROOT / "procdemo" / "patterns" / "plain" / f"{twin}.py")
            yield Run(f"plain {twin} {method}", [python, RUNNER, method, script])
        for server in IDLE:
            command = [PROCDEMO, server, "--port", "0", "--start-method", method, "--json"]
            yield Run(f"idle {server} {method}", command, serves=True)
        for name, (source, _) in PROGRAMS.items():
            script = folder / f"{name.replace(' ', '_')}.py"
            script.write_text(START + source, encoding="utf-8")
            yield Run(f"{name} {method}", [python, str(script), method], stands=True)


def lesson_runs() -> Iterator[Run]:
    """Yield the runs of all lessons that are right."""
    for each in lesson.lessons().values():
        for script in each.scripts:
            if script.path.name == "fixed.py" and not each.missing():
                for method in each.methods(METHODS):
                    words = [method] if method else []
                    yield Run(f"lesson {each.name} {method}", [sys.executable, str(script.path), *words])


def watch(run: Run, folder: Path, still_s: float) -> dict[str, Any]:
    """Run it under watch; return the summary, with why it went wrong as ``wrong`` (empty if it did not)."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        record = Path(place) / "run.jsonl"
        options = ["-q", "--still", str(still_s), "--record", str(record)]
        if run.stands:
            options += ["--timeout", str(STANDS_S), "--on-hang", "kill"]
        program = subprocess.Popen(
            [PROCDEMO, "watch", *options, "--", *run.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            cwd=place,
        )
        if run.serves:
            serve_one(program, record)
        if run.stands:
            program.wait()  # until then its stdin must stay open
        told, errors = program.communicate()
        events = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    told_of = [event["data"] for event in events if event["name"] in {"xray", "blind"}]
    wrong = [data.get("answer") or data["text"] for data in told_of if data.get("why") != "time limit"]
    if not run.stands and program.returncode != 0:
        wrong.append(f"exit status {program.returncode}: {errors[-300:]}{told[-300:]}")
    return {**events[-1]["data"], "wrong": "; ".join(wrong)}


def serve_one(program: subprocess.Popen[str], record: Path) -> None:
    """Let a server stand idle, then be its client, then end it by SIGTERM, as a service manager does."""
    port = 0
    for line in program.stdout or ():
        event = json.loads(line)
        if event["name"] == "listening":
            port = event["data"]["port"]
            break
    try:
        program.wait(STANDS_S)
    except subprocess.TimeoutExpired:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello\n")
            client.recv(100)
        with record.open(encoding="utf-8") as lines:
            os.kill(json.loads(lines.readline())["pid"], signal.SIGTERM)


def main() -> int:
    """Run all that is asked for; return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lessons", action="store_true")
    parser.add_argument("--still", type=float, default=1.0)
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    counts = {"runs": 0, "wrong": 0, "seconds": 0.0}
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as executor:
        folder = Path(name)
        every = [*runs(folder), *(lesson_runs() if args.lessons else ())]
        chosen = [run for run in every if not args.words or any(word in run.name for word in args.words)]
        for run, told in zip(
            chosen, executor.map(lambda run: watch(run, folder, args.still), chosen), strict=True
        ):
            counts["runs"] += 1
            counts["seconds"] += told["seconds"]
            if told["wrong"]:
                counts["wrong"] += 1
                sys.stdout.write(f"{run.name}: {told['wrong']}\n")
                sys.stdout.flush()
    sys.stdout.write(json.dumps({**counts, "seconds": round(counts["seconds"])}) + "\n")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
