"""`watch` finds that a program hangs, says why, and ends it if that is asked for."""

from dataclasses import replace

import pytest
from hanging import probed_version
from under_watch import UnderWatch
from xray_programs import EVERYWHERE
from xray_programs_of_threads import ONCE
from xrayed import needs_stacks

USUAL = {"two locks", "join before drain"}


def cases(programs, usual=()):
    return [
        pytest.param(each, marks=[] if each.name in usual else pytest.mark.thorough, id=each.name)
        for each in programs
    ]


def check(tmp_path, program, *args):
    needs_stacks()
    if probed_version() >= program.known_until:
        program = program._replace(says="the holder is not known")
    options = ["--still", "1", "--on-hang", "kill"]
    quiet = {"PYTHONWARNINGS": "ignore"}  # a resource tracker says what its dead program has left to it
    with UnderWatch(tmp_path, program.source, *args, watch=options, env=quiet) as watched:
        ended = replace(watched.finish(), temporary=())  # what was killed leaves its temporary folder
        ended.assert_clean(4, stderr_lines=400)
        (picture,) = watched.pictures()
        assert (picture["verdict"], picture["why"]) == (program.verdict, "it hangs")
        assert program.says in picture["answer"]
        summary = watched.summary_seen
        assert (summary["verdict"], summary["hung"], summary["ok"]) == ("killed", program.verdict, False)
        assert picture["answer"] in summary["answer"]
        assert (summary["orphans"], summary["names"]) == ([], [])


@pytest.mark.parametrize("program", cases(EVERYWHERE, USUAL))
def test_a_program_that_hangs_is_ended(tmp_path, start_method, program):
    check(tmp_path, program, start_method)


@pytest.mark.parametrize("program", cases(ONCE))
def test_a_program_that_hangs_without_multiprocessing_is_ended(tmp_path, program):
    check(tmp_path, program, "fork")
