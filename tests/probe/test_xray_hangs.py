"""Why a program hangs is told from outside, while it lives on."""

import pytest
from hanging import probed_version
from namespaces import PIDS_OF_ITS_OWN, needs_pids_of_its_own
from reported_programs import REPORTED, REPORTED_ONCE
from xray_programs import EVERYWHERE, TWO_LOCKS
from xray_programs_of_threads import ONCE
from xrayed import Xrayed, lines, why_no_stacks


def cases(programs):
    return [
        pytest.param(program, marks=pytest.mark.thorough if program.thorough else [], id=program.name)
        for program in programs
    ]


def check(running, program):
    program = program.told_by(probed_version())
    verdict = running.wait_verdict(program.verdict, program.says)
    marked = [line.partition("# ")[2] for line in lines(verdict)]
    assert sorted(marked) == sorted(program.circle), verdict.answer
    for node in verdict.circle:
        assert verdict.waits[node].on, "each waits for another one of the circle"
    assert running.running
    if program.thorough:
        again = running.judge()
        assert (again.name, again.answer) == (verdict.name, verdict.answer), "a hang lasts"


@pytest.mark.parametrize("program", cases((*EVERYWHERE, *REPORTED)))
def test_a_program_that_hangs(tmp_path, start_method, program):
    with Xrayed(tmp_path, program.source, start_method) as running:
        check(running, program)


@pytest.mark.parametrize("program", cases((*ONCE, *REPORTED_ONCE)))
def test_a_program_that_hangs_without_multiprocessing(tmp_path, program):
    with Xrayed(tmp_path, program.source) as running:
        check(running, program)


@needs_pids_of_its_own
def test_a_program_in_a_container_is_told_from_the_host(tmp_path):
    """Its processes have other numbers for themselves; it waits for a child by such a number."""
    source = TWO_LOCKS.replace("KIND", "Lock")
    with Xrayed(tmp_path, source, within=PIDS_OF_ITS_OWN) as running:
        verdict = running.wait_verdict("deadlock", "holds")
        assert [line.partition("# ")[2] for line in lines(verdict)] == ["there", "there"]
        main = running.family[1]
        first = min(pid for pid, _ in verdict.circle)
        role = verdict.context.snapshot.processes[first].role
        assert verdict.waits[main, main].words == f"{role} to end"


def test_the_locks_are_called_a_b_c_in_the_order_of_the_processes(tmp_path):
    source = next(program.source for program in EVERYWHERE if program.name == "philosophers")
    with Xrayed(tmp_path, source) as running:
        verdict = running.wait_verdict("deadlock")
        assert [wait.lock for wait in verdict.waits.values() if wait.lock] == list("ABCDE")


def test_a_skip_has_its_reason():
    why = why_no_stacks()
    assert not why or why.startswith(("needs py-spy", "needs the right to read stacks: "))
