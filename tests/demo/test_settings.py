"""The command that installs what is missing: for the interpreter that runs, whatever it is."""

import importlib.util
import sys

import pytest

from procdemo.demo.settings import pip_install


@pytest.mark.parametrize(
    ("python", "typed"),
    [("/opt/my python/bin/python3", "'/opt/my python/bin/python3'"), ("", "python3"), (None, "python3")],
)
@pytest.mark.parametrize("pip", [object(), None], ids=["pip", "no pip"])
def test_the_interpreter_that_runs_gets_it(monkeypatch, python, typed, pip):
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: pip)
    hint = pip_install("distributed")
    assert hint.startswith(f"{typed} -m pip install distributed")
    assert ("uv pip install" in hint) is (pip is None)
