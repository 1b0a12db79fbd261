"""On a terminal an error is said once; in a pipe stdout has the last line, too."""

import sys
from types import SimpleNamespace

import pexpect
import pytest
from harness import PROCDEMO
from in_process import both_ways
from processes import reap_all
from waiting import wait_until

from procdemo.cli import tour
from procdemo.cli.common_options import in_two_columns
from procdemo.demo.events import Event
from procdemo.render.sentences import verdict

ARGS = ("race", "--schedule", "ABBA")
ERROR = "--schedule ABBA: not three A and three B"


def test_on_a_terminal_an_error_is_said_once():
    said = pexpect.run(" ".join([*PROCDEMO, *ARGS]), encoding="utf-8", timeout=120)
    assert said.count(ERROR) == 1
    assert "FAILED" not in said
    assert "try: --schedule AABBBA" in said
    wait_until(reap_all)  # the guardian ends last


@both_ways
def test_in_a_pipe_stdout_has_it_too(run):
    result = run(*ARGS).assert_clean(2, stderr_lines=2)
    assert ERROR in result.stderr
    assert result.stdout.splitlines()[-1] == f"FAILED: {ERROR}"


@pytest.mark.parametrize(
    ("data", "counts"), [({"served": 3}, "3 served"), ({}, "")], ids=["a figure", "no figure"]
)
def test_without_figures_nothing_is_counted(data, counts):
    event = Event("result", "summary", {"ok": False, "reason": "no port", **data}, 0, 1, 1, "main")
    assert verdict(event, {"counts": "{served} served"}) == (counts, "FAILED: no port")


def test_the_tour_breaks_lines_between_words(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert tour._wrapped("one two three four five six\n\nseven") == "one two three four\nfive six\n\nseven"


@pytest.mark.parametrize("on_terminal", [True, False])
def test_a_list_has_whole_words_on_a_terminal(monkeypatch, on_terminal):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: on_terminal))
    line = in_two_columns("race", "two processes and one counter", 6)
    assert line == "race    two processes and one" + ("\n        counter" if on_terminal else " counter")
