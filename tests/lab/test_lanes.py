"""The lanes of the lab are those of the scripts' processes, in the states that an oracle sees, too."""

import os
import re

import pexpect
import pytest
from harness import PROCDEMO, run
from selection import only, some_of
from state_accounts import contradictions, disagreements, lanes_of
from state_oracle import StateOracle

from procdemo.demo.event_log import read
from procdemo.demo.events import CIRCLE, CODE, THREAD, USAGE
from procdemo.demo.states import State
from procdemo.lab.demo import THREADS
from procdemo.lab.lesson import find
from procdemo.process import procfs
from procdemo.render.timeline import lanes
from procdemo.render.wait_pictures import wait_pictures

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

LESSONS = (
    "two-locks",
    "join-before-drain",
    "dining-philosophers",
    "nested-submit",
    "killed-parent",
    "zombie",
)
ESSENTIAL = {"join-before-drain"}


def told_about(result):
    """Return, by the events of a run, the processes of the lab, the scripts, and all that was looked at."""
    states = [event for event in result.log if event.kind == "state"]
    roots = {event.pid: event for event in reversed(states) if event.role.endswith(".py")}
    lab = {event.pid for event in result.log if event.role == "observer"}
    return lab, roots, {event.pid for event in states}


@pytest.mark.parametrize("lesson", only(ESSENTIAL, LESSONS))
def test_the_states_of_the_scripts_are_those_that_an_oracle_sees(lesson, start_method):
    if start_method not in (find(lesson).start_methods or [start_method]):
        pytest.skip("the lesson is about another start method")
    with StateOracle() as oracle:
        result = run("lab", lesson, "--json", start_method=start_method).assert_clean()
    assert not disagreements(result.log, oracle)
    assert not contradictions(lanes_of(result.log), oracle)
    lab, roots, sampled = told_about(result)
    watchdogs = {event.data["ppid"] for event in roots.values()}
    assert not sampled & (lab | watchdogs), "the lab itself is no part of the lesson"
    scripts = [script.path.name for script in find(lesson).scripts]
    assert [event.role for event in sorted(roots.values(), key=lambda event: event.time_ns)] == scripts
    begin = min(event.time_ns for event in roots.values()) / 1e9
    long = 0.2 + max(seen.late for seen in oracle.threads.values())  # if it was late, so was the lab
    below = {pid for (pid, _), seen in oracle.threads.items() if seen.lived > long and seen.born > begin}
    assert below - watchdogs <= sampled, "what is started after the first script belongs to a script"


# --- one run, looked at from all sides


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return the run of a lesson with two locks in a circle: its screen, its events, its lanes."""
    log = tmp_path_factory.mktemp("lab") / "run.jsonl"
    result = run("lab", "two-locks", "-v", "--start-method", "fork", "--record", str(log)).assert_clean()
    with log.open("rb") as file:
        events = list(read(file))
    return result.stdout.splitlines(), events, lanes(events, {}, set(THREADS))


def test_the_screen_has_a_lane_for_each_process_of_the_scripts(shown):
    lines, _, drawn = shown
    first = next(place for place, line in enumerate(lines) if re.match(r"broken\.py +\d+ ", line))
    rows = [
        tuple(line.split())[: len(lane.role.split()) + 1]
        for lane, line in zip(drawn, lines[first:], strict=False)
    ]
    assert rows == [(*lane.role.split(), str(lane.pid)) for lane in drawn]
    assert not any(line.startswith(("main ", "observer ", "procdemo")) for line in lines[first:])


def test_each_script_comes_with_its_children(shown):
    *_, drawn = shown
    roles = [lane.role for lane in drawn]
    fixed = roles.index("fixed.py")
    assert roles[0] == "broken.py"
    assert len(roles[:fixed]) == 3
    assert all(role.startswith("child ") for role in [*roles[1:fixed], *roles[fixed + 1 :]])


def test_what_hangs_is_blocked_and_in_the_end_gone(shown):
    *_, drawn = shown
    assert all(lane.changes[-1][1] is State.GONE for lane in drawn)
    for lane in drawn[:3]:
        spent = lane.shares(lane.changes[0][0], lane.changes[-1][0])
        assert max(spent, key=spent.get) is State.BLOCKED


def test_the_events_have_the_circle_of_the_x_ray(shown):
    lines, events, drawn = shown
    (circle,) = [event.data for event in events if event.name == CIRCLE]
    waiters = {lane.pid for lane in drawn[1:3]}
    assert {pid for pid, _ in circle["threads"]} == waiters
    assert circle["picture"] == "two-locks: broken.py fork"
    rows = {event.data["pid"]: event.data for event in events if event.name == THREAD}
    assert rows.keys() == {lane.pid for lane in drawn[:3]}
    for pid in waiters:
        (other,) = waiters - {pid}
        assert rows[pid]["on"] == [[other, other]]
        assert rows[pid]["state"] == "blocked"
        assert (rows[pid]["source"], rows[pid]["function"]) == ("with target:", "transfer")
        assert any(line.endswith(f"waits for {rows[pid]['waits_for']}") for line in lines)
    (graph,) = wait_pictures(events)
    assert len(graph["boxes"]) == 3
    assert sum(red for _, _, red, _ in graph["arrows"]) == 2


def test_the_events_have_the_code(shown):
    _, events, _ = shown
    for script in find("two-locks").scripts:
        pieces = [
            event.data for event in events if event.name == CODE and event.data["file"] == str(script.path)
        ]
        assert "\n".join(piece["text"] for piece in pieces) == script.path.read_text().rstrip("\n")
        assert [piece["line"] for piece in pieces] == [1, 21]


def test_the_table_has_a_row_for_each_process(shown):
    _, events, drawn = shown
    table = [event.data for event in events if event.name == USAGE]
    assert {row["pid"] for row in table} == {lane.pid for lane in drawn}
    assert table[0]["role"] == "broken.py"
    assert table[0]["blocked"] > 50


@pytest.mark.parametrize(
    "args", some_of([["--all", "--timeout", "2"], ["two-locks", "--fixed", "--no-sample"]], 1)
)
def test_nothing_is_looked_at_if_it_is_not_wanted(args):
    result = run("lab", *args, "--json").assert_clean([0, 4])
    assert result.named("script")
    assert not [event for event in result.log if event.kind == "state" or event.name == USAGE]


def test_live_lanes_are_there_before_the_verdict():
    environment = {**os.environ, "TERM": "xterm", "CI": ""}
    size = {"dimensions": (40, 100), "encoding": "utf-8", "env": environment}
    command = pexpect.spawn(PROCDEMO[0], [*PROCDEMO[1:], "lab", "two-locks", "--live"], **size)
    command.expect(r"HUNG \(", timeout=30)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", command.before)
    assert re.search(r"broken\.py +\d+ .*\n\W*child \d+ +\d+ .*\n\W*child \d+ +\d+ ", drawn)
    assert not re.search(r"^(main|observer) +\d+ ", drawn, re.MULTILINE)
    command.expect(pexpect.EOF, timeout=30)
    command.close()
    assert command.exitstatus == 0
