"""Lanes on a real terminal while the demo runs."""

import os
import re
import signal

import pexpect
import pytest
from harness import PROCDEMO, run
from rich.cells import cell_len

from procdemo.demo.states import State
from procdemo.render.palette import LOOKS

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BLOCKED = LOOKS[State.BLOCKED].glyph
LESSON = ("prodcons", "--items", "8", "--consumers", "1", "--maxsize", "2", "--work", "0.1")

LONG = (*LESSON, "--items", "30")  # 3 s of work: several pictures also on a slow machine


def watched(*args, columns=60, **environment):
    """Return what a terminal of so many columns was sent."""
    child = pexpect.spawn(
        PROCDEMO[0],
        [*PROCDEMO[1:], *args],
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environment},
        dimensions=(40, columns),
        timeout=30,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    return child.before


def lanes_of(output):
    """Return the pictures of a producer's lane, one after the other: it is blocked for most of the time."""
    lines = ESCAPE.sub("", output).splitlines()
    return [line.split()[-1] for line in lines if BLOCKED in line and "producer-0 " in line]


@pytest.mark.parametrize("columns", [60, 120])
def test_the_lanes_are_drawn_while_it_runs(columns):
    output = watched(*LONG, "--live", columns=columns)
    assert len(set(lanes_of(output))) > 2, "again and again, and not the same"
    assert output.index(BLOCKED) < output.index("ok: "), "before the end"
    assert output.count("\x1b[?25h") >= output.count("\x1b[?25l") > 0
    for line in ESCAPE.sub("", output).replace("\r", "\n").splitlines():
        assert cell_len(line) <= columns


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_f3_the_cursor_comes_back_from_moving_lanes(signum, status):
    child = pexpect.spawn(
        PROCDEMO[0],
        [*PROCDEMO[1:], "spawn", "--work", "60", "--live"],
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"},
        dimensions=(40, 80),
        timeout=30,
        encoding="utf-8",
    )
    child.expect(f"{LOOKS[State.SLEEPING].glyph} sleeping")  # in the legend
    child.kill(signum)
    output = child.before + child.after
    child.expect(pexpect.EOF)
    child.wait()
    output += child.before
    assert child.exitstatus == status
    assert output.count("\x1b[?25h") >= output.count("\x1b[?25l") > 0


def test_only_if_asked_for():
    assert len(lanes_of(watched(*LESSON))) == 1, "at the end"


@pytest.mark.parametrize(
    ("args", "environment"), [(["--plain"], {}), ([], {"TERM": "dumb"}), ([], {"CI": "1"})], ids=repr
)
def test_not_where_nothing_can_move(args, environment):
    output = watched(*LESSON, "--live", *args, **environment)
    assert "\x1b[?25l" not in output
    assert output.count("max 2") == 1


def test_in_a_pipe_it_changes_nothing():
    output = run(*LESSON, "--live").assert_clean(0, stderr_lines=0).stdout
    assert "\x1b" not in output
    assert output.count("max 2") == 1


def test_a_recorded_run_moves_as_well(tmp_path):
    kept = tmp_path / "run.jsonl"
    run(*LESSON, "-q", "--record", str(kept)).assert_clean(0)
    output = watched("replay", str(kept), "--pace", "0.25", "--live")
    assert len(set(lanes_of(output))) > 2
    assert len(lanes_of(watched("replay", str(kept)))) == 1


@pytest.mark.thorough
def test_for_the_back_row_all_is_large_and_little():
    output = ESCAPE.sub("", watched(*LESSON, "--present")).replace("\r", "\n")
    lines = output.splitlines()
    assert "space: pause" in output
    assert any(re.fullmatch(r"(producer|consumer)-\d: .*bun.*|.*: was blocked .*", line) for line in lines)
    assert not [line for line in lines if re.match(r" +[\d.]+s ", line)], "of the sentences only the last one"
    assert [line for line in lines if re.match(f"producer-0 .*{BLOCKED}", line)]
    assert not [line for line in lines if re.match(r"producer-0 +\d", line)], "no PID"
    box = "\n".join(lines).partition("┏")[2]
    assert "ok: The consumers are slower" in box
    assert "┛" in box
