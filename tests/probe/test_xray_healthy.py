"""It is never said of a program that works that it hangs."""

import subprocess

import pytest
from healthy_programs import PROGRAMS
from xrayed import HANGS, Xrayed

USUAL = {"server", "heartbeat", "progress bar", "time-outs", "computes", "lock as signal"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough, id=name) for name in PROGRAMS],
)
def test_a_program_that_works(tmp_path, start_method, name):
    source, expected = PROGRAMS[name]
    with Xrayed(tmp_path, source, start_method, stdin=subprocess.PIPE) as program:
        last = "child" if name == "imports for long" and start_method != "fork" else "ready"
        program.wait_for(lambda: last in program.said, what="it is ready")
        if expected:
            program.wait_verdict(expected)
        else:
            verdicts = [program.judge() for _ in range(2)]
            assert not [verdict.answer for verdict in verdicts if verdict.name in HANGS]
