"""A recorded run is read back; the error for any other file names the line."""

import io
import json

import pytest
from harness import run

from procdemo.demo.event_log import DamagedLogError, read
from procdemo.demo.events import Event

META = Event("mark", "meta", {"schema": 1, "command": "spawn", "config": {}}, 1, 42, 42, "main")
SUMMARY = Event("result", "summary", {"ok": True}, 9, 42, 42, "main")
TIMES = {"cpu_ms": 1, "ready_ms": 0.5}
TICK = Event("mark", "tick", {"text": "\x1b[2J", "n": 1}, 5, 43, 43, "child-0")


def log(*events):
    return b"".join(json.dumps(event._asdict()).encode() + b"\n" for event in events)


def events_of(data):
    return list(read(io.BytesIO(data)))


def line(**changes):
    return json.dumps({**TICK._asdict(), **changes}).encode() + b"\n"


def test_what_was_written_is_read():
    assert events_of(log(META, TICK, SUMMARY)) == [META, TICK, SUMMARY]


DAMAGES = {
    "not JSON": (b"hello\n", "line 2: not JSON"),
    "binary": (b"\x7fELF\x00\xff\xfe\n", "line 2: not JSON"),
    "empty line": (b"\n", "line 2: not JSON"),
    "cut": (line()[:40] + b"\n", "line 2: not JSON"),
    "nested too deeply": (b"[" * 100_000 + b"\n", "line 2: not JSON"),
    "too many digits": (b"9" * 100_000 + b"\n", "line 2: not JSON"),
    "a list": (b"[]\n", "line 2: not an event"),
    "a number": (b"1\n", "line 2: not an event"),
    "another object": (b'{"a": 1}\n', "line 2: not an event"),
    "a field more": (line(more=1), "line 2: not an event"),
    "unknown kind": (line(kind="explosion"), "line 2: no such kind of event: 'explosion'"),
    "kind of another type": (line(kind=7), "line 2: no such kind of event"),
    "unhashable kind": (line(kind=["mark"]), "line 2: no such kind of event"),
    "name no text": (line(name=1), "line 2: name must be text"),
    "data no object": (line(data=[]), "line 2: data must be an object"),
    "time no number": (line(time_ns="1"), "line 2: time_ns must be a whole number"),
    "time a truth value": (line(time_ns=True), "line 2: time_ns must be a whole number"),
    "pid too large": (line(pid=2**63), "line 2: a number of more than 63 bits"),
    "pid too small": (line(pid=-(2**63) - 1), "line 2: a number of more than 63 bits"),
    "role no text": (line(role=None), "line 2: role must be text"),
    "count without value": (line(kind="count", data={}), "line 2: the value of a count must be a number"),
    "total no number": (line(kind="count", data={"value": 1, "total": "x"}), "line 2: the total of a count"),
    "no such state": (line(kind="state", name="dreaming"), "line 2: no such state: 'dreaming'"),
    "state without times": (
        line(kind="state", name="sleeping", data={"cpu_ms": 1}),
        "line 2: the ready_ms of a state",
    ),
    "other states no object": (
        line(kind="state", name="ready", data={**TIMES, "also_ms": 1}),
        "line 2: also_ms must be numbers",
    ),
    "other states no numbers": (
        line(kind="state", name="ready", data={**TIMES, "also_ms": {"ready": "x"}}),
        "line 2: also_ms must be numbers",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_line_is_named(damage, message):
    with pytest.raises(DamagedLogError) as refusal:
        events_of(log(META) + damage + log(SUMMARY))
    assert str(refusal.value).startswith(message)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (TICK, "line 1: the log must begin with the mark 'meta', not 'tick'"),
        (META._replace(data={}), "line 1: command must be text"),
        (META._replace(data={"command": "spawn", "config": 1}), "line 1: config must be an object"),
    ],
)
def test_a_log_begins_with_what_was_run(first, message):
    with pytest.raises(DamagedLogError, match=message):
        events_of(log(first, SUMMARY))


@pytest.mark.parametrize(("data", "number"), [(b"", 0), (log(META), 1), (log(META, TICK), 2)])
def test_a_log_that_breaks_off_says_where(data, number):
    with pytest.raises(DamagedLogError, match=rf"line {number}: the log breaks off here"):
        events_of(data)


# --- the command


@pytest.fixture
def recorded(tmp_path, start_method):
    """Return a file with a real run."""
    file = tmp_path / "run.jsonl"
    file.write_text(run("spawn", "--json", start_method=start_method).assert_clean().stdout)
    return file


def test_a_real_run_comes_back_as_it_was(recorded):
    assert run("replay", "--json", str(recorded)).assert_clean().stdout == recorded.read_text()
    shown = run("replay", str(recorded)).assert_clean().stdout
    assert "spawn: Start a process in two ways" in shown
    assert "\n4 of 4 children joined; " in shown


def test_the_exit_status_is_that_of_the_run(tmp_path):
    file = tmp_path / "run.jsonl"
    file.write_bytes(log(META, TICK, SUMMARY._replace(data={"ok": False, "reason": "so"})))
    assert "FAILED: so" in run("replay", str(file)).assert_clean(status=1).stdout


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 1000, b"{}\n", b"PK\x03\x04"], ids=repr)
def test_a_foreign_file_is_refused_in_two_lines(tmp_path, content):
    file = tmp_path / "hello\x1b[2J.txt"
    file.write_bytes(content)
    result = run("replay", str(file)).assert_clean(status=1, stderr_lines=2)
    assert result.stdout == ""
    assert "\ntry: " in result.stderr
    assert "line " in result.stderr


def test_a_run_of_an_unknown_demo_is_refused(tmp_path):
    file = tmp_path / "run.jsonl"
    file.write_bytes(log(META._replace(data={"command": "no\x1bsuch", "config": {}}), SUMMARY))
    assert r"no demo called 'no\x1bsuch'" in run("replay", str(file)).assert_clean(status=1).stderr


def test_no_such_file_is_a_usage_error(tmp_path):
    result = run("replay", str(tmp_path / "none.jsonl")).assert_clean(status=2, stderr_lines=4)
    assert "No such file" in result.stderr


def test_a_hostile_log_cannot_steer_the_terminal(tmp_path):
    """A log from another person can neither send escape sequences to the terminal nor cause a traceback."""
    evil = "\x1b]0;PWN\x07\x1b[2J\x9b31m\u202e[/][link=file:///etc/passwd]x[/link]\r\n"
    data = {evil: evil, "ms": evil, "text": evil, "message": evil, "hint": evil, "traceback": evil * 3}
    file = tmp_path / "run.jsonl"
    names = ["hello", "started", "error", "stderr", "listening", "joined", evil]
    kinds = ["mark", "begin", "end", "send", "receive", "result"]
    hostile = [TICK._replace(kind=kind, name=name, data=data, role=evil) for name in names for kind in kinds]
    count = TICK._replace(kind="count", name=evil, data={"value": 1, "total": -1, evil: evil})
    meta = META._replace(data={"command": "spawn", "config": {evil: evil}, "python": evil, "cpus": evil})
    file.write_bytes(log(meta, *hostile, count, SUMMARY._replace(data={"ok": evil, "reason": evil, evil: 1})))
    for options in (["-vv"], ["--debug"], ["-q"], ["--json"]):
        run("replay", str(file), *options).assert_clean(status=[0, 1], stderr_lines=1000)
