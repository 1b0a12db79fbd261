"""The exit status after a run: of the summary, an error, a signal, or the time limit."""

import signal

import pytest

from procdemo.cli.exit_code_of_run import ExitCodeOfRun
from procdemo.demo.events import ERROR, SUMMARY, Event


def after(*events, **ending):
    exit_code = ExitCodeOfRun()
    for kind, name, data in events:
        exit_code.note(Event(kind, name, data, 1, 1, 1, "main"))
    return exit_code.choose(**ending)


OK, LOST = ("result", SUMMARY, {"ok": True}), ("result", SUMMARY, {"ok": False})


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([OK], 0),
        ([LOST], 1),
        ([], 1),
        ([("mark", ERROR, {"message": "x"}), LOST], 1),
        ([("mark", ERROR, {"exit_code": 2}), OK], 2),
        ([("begin", ERROR, {"exit_code": 2}), ("mark", SUMMARY, {"ok": False}), OK], 0),
    ],
    ids=str,
)
def test_the_summary_decides_unless_an_error_came_before_it(events, expected):
    assert after(*events) == expected


def test_the_time_limit():
    assert after(OK, timed_out=True) == after(LOST, timed_out=True) == 4


@pytest.mark.parametrize("timed_out", [False, True])
def test_a_signal(timed_out):
    assert after(OK, signum=signal.SIGINT, timed_out=timed_out) == 130
    assert after(LOST, signum=signal.SIGTERM, timed_out=timed_out) == 143


@pytest.mark.parametrize(
    ("summary", "ending", "outcome"),
    [
        (OK, {"signum": signal.SIGINT, "timed_out": False}, "interrupted"),
        (OK, {"signum": 0, "timed_out": True}, "interrupted"),
        (OK, {"signum": signal.SIGTERM, "timed_out": False}, None),
        (OK, {"signum": 0, "timed_out": False}, None),
        (LOST, {"signum": signal.SIGINT, "timed_out": False}, None),
        (
            ("result", SUMMARY, {"ok": True, "outcome": "x"}),
            {"signum": signal.SIGINT, "timed_out": False},
            "x",
        ),
        (("result", "row", {"ok": True}), {"signum": signal.SIGINT, "timed_out": False}, None),
    ],
)
def test_a_summary_agrees_with_the_exit_status(summary, ending, outcome):
    exit_code, event = ExitCodeOfRun(), Event(*summary, 1, 1, 1, "main")
    exit_code.note(event)
    assert exit_code.agreeing(event, **ending).data.get("outcome") == outcome


def test_a_server_that_has_drained():
    assert after(OK, signum=signal.SIGTERM) == 0
