"""If a main process leaves no summary, its last words are told."""

import os
import signal
import sys

import pytest
from stages import events_of, settings

from procdemo.process.guardian import Guardian
from procdemo.process.record_pipe import Writer
from procdemo.runtime.last_words import LastWords


def nothing(config, emit):
    emit.mark("never")


def reason(run=nothing):
    """Return why the last event of a run says that it failed."""
    last = events_of(run, settings("fork"))[-1]
    assert last.name == "summary"
    assert last.data["ok"] is False
    return last.data["reason"]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("odd: \udcff \x1b"), SystemExit(7), GeneratorExit(), OSError(5, "Input/output error")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_while_main_settles_in_is_named(monkeypatch, error):
    def fail(self):
        raise error

    monkeypatch.setattr(Guardian, "enter", fail)
    assert reason() == f"{type(error).__name__}: {error}"


def test_an_error_that_cannot_be_reported_is_said_on_stderr(monkeypatch):
    def fail(self, record):
        raise ValueError("no event can be written")

    monkeypatch.setattr(Writer, "__call__", fail)
    said = reason()
    assert "ended with exit status 1 before it could sum up" in said
    assert said.endswith("its last words: ValueError: no event can be written")


def write_and_leave(config, emit):
    os.write(2, b"first line\nlast line\n\n")
    os._exit(9)


def test_the_last_line_on_stderr_is_told():
    said = reason(write_and_leave)
    assert said.startswith("the main process ")
    assert said.endswith(" ended with exit status 9 before it could sum up: its last words: last line")


def write_and_die(config, emit):
    os.write(2, b"I die\x1b\n")
    os.kill(os.getpid(), signal.SIGKILL)


def test_they_are_told_with_a_signal_and_made_printable():
    said = reason(write_and_die)
    assert said.endswith(r" was ended by SIGKILL before it could sum up: its last words: I die\x1b")


def test_a_module_that_cannot_be_imported_is_named():
    def need(config, emit):
        raise ImportError("No module named 'no_such'", name="no_such.part")

    assert reason(need) == "the module no_such cannot be imported: No module named 'no_such'"


def test_an_unknown_end_is_said_as_well():
    assert LastWords().reason(5, None) == "the main process 5 ended before it could sum up"


def test_signals_without_a_name_have_a_number():
    assert "signal 40" in LastWords().reason(5, -40)


def test_a_report_without_descriptors_is_made(monkeypatch):
    """`traceback` cannot be imported then."""
    monkeypatch.setitem(sys.modules, "traceback", None)

    def fail(config, emit):
        raise ZeroDivisionError("by nothing")

    assert "ZeroDivisionError: by nothing" in reason(fail)
