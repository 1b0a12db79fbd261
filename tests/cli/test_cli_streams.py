"""The command in a pipe, on a full disk, with closed streams, in colour or without."""

import os
import re

import pytest
from escapes import ESCAPE
from harness import PROCDEMO, Command, run
from rich.cells import cell_len
from selection import only, some_of

OUTPUTS = [["spawn"], ["spawn", "--json"], ["list"], ["--help"], ["source", "spawn"]]
each_output = pytest.mark.parametrize("args", some_of(OUTPUTS), ids=" ".join)


@each_output
def test_a_reader_that_closes_the_pipe_is_no_error(args):
    """``procdemo ... | head -1``"""
    read, write = os.pipe()
    with Command(*args, stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 141], stderr_lines=0)


@each_output
def test_a_full_disk_is_reported_in_one_line(args):
    full = os.open("/dev/full", os.O_WRONLY)
    with Command(*args, stdout=full) as command:
        os.close(full)
        result = command.finish(within=10).assert_clean(status=1, stderr_lines=1)
    assert "No space left" in result.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(closed):
    line = f'exec "$0" "$@" {closed}'
    run("spawn", "--json", "--work", "0", program=["sh", "-c", line, *PROCDEMO]).assert_clean()


def test_f4_an_ascii_terminal_gets_ascii():
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for args in (["spawn"], ["spawn", "--json"], ["list"], ["--help"], ["spawn", "--help"]):
        output = run(*args, env=environment).assert_clean().stdout
        assert output.isascii()
        assert "\\u" not in output, "the signs of --plain, not escapes"


@pytest.mark.parametrize("columns", only([60], [60, 1]))
def test_f4_a_narrow_screen_is_respected(columns):
    for args in (["spawn"], ["spawn", "-vv"], ["spawn", "-q"]):
        output = run(*args, env={"COLUMNS": str(columns)}).assert_clean().stdout
        assert max(map(cell_len, output.splitlines())) <= max(columns, 20)


def test_a_very_narrow_screen_has_neither_times_nor_pids():
    wide, narrow = (run("race", env={"COLUMNS": columns}).assert_clean().stdout for columns in ("80", "40"))
    assert re.search(r"^  \d\.\d+s A +\d+  reads 0$", wide, re.MULTILINE)
    assert re.search(r"^A +reads 0$", narrow, re.MULTILINE)


@pytest.mark.parametrize(
    ("environment", "args", "coloured"),
    some_of(
        [
            ({}, [], False),
            ({"FORCE_COLOR": "1"}, [], True),
            ({"CLICOLOR_FORCE": "1"}, [], True),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
            ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
            ({"NO_COLOR": "1"}, ["--color", "always"], True),
            ({"FORCE_COLOR": "1"}, ["--color", "auto"], True),
            ({"TERM": "dumb"}, [], False),
            ({"FORCE_COLOR": "1"}, ["--json"], False),
        ],
        1,
    ),
    ids=repr,
)
@pytest.mark.parametrize(
    "command", [["source", "spawn"], pytest.param(["spawn", "--work", "0"], marks=pytest.mark.thorough)]
)
def test_colour_only_if_it_is_asked_for(environment, args, coloured, command):
    output = run(*command, *args, env=environment).stdout
    assert bool(ESCAPE.search(output)) is coloured
    assert coloured or "\x1b" not in output


def test_the_screen_of_a_demo_has_colour_only_if_it_is_asked_for():
    for environment, coloured in (({}, False), ({"FORCE_COLOR": "1"}, True)):
        assert bool(ESCAPE.search(run("spawn", "--work", "0", env=environment).stdout)) is coloured
