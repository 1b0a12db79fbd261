"""A demo at its defaults: a screen of 22 lines, an answer at the end, and time to follow it."""

import json

import pytest
from harness import run
from rich.cells import cell_len
from traces import USUAL

SERVED = ("--port", "0", "--clients", "3")
LESSONS = [
    ("spawn",),
    ("echo-server", *SERVED),
    ("thread-server", *SERVED),
    ("pool-server", *SERVED),
    ("prefork-server", *SERVED),
    ("selector-server", *SERVED),
    ("async-server", *SERVED),
    ("crawl-callback",),
    ("prodcons",),
    ("supervise",),
    ("race",),
    ("gil",),
]


SOME = {"spawn", "pool-server", "prodcons", "supervise"}


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(args, marks=[] if args[0] in SOME else pytest.mark.thorough, id=args[0])
        for args in LESSONS
    ],
)
def test_a_demo_at_its_defaults_is_one_screen_and_can_be_followed(args, tmp_path):
    log = tmp_path / "run.jsonl"
    result = run(*args, "--record", str(log), env={**USUAL, "COLUMNS": "80"}).assert_clean()
    lines = result.stdout.splitlines()
    draining = "no new clients; " in result.stdout  # if the last one leaves a moment after the server stops
    assert len(lines) <= 22 + 2 * draining, result.stdout
    assert all(cell_len(line) <= 80 for line in lines)
    assert lines[0].startswith(f"{args[0]}: ")
    last = next(line for line in reversed(lines) if line.startswith(("ok: ", "not conclusive: ")))
    assert len(lines) - lines.index(last) <= 2
    times = [json.loads(line)["time_ns"] for line in log.read_text("utf-8").splitlines()]
    assert max(times) - min(times) > 2e9
