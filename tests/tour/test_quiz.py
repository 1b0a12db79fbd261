"""Homework: the same problems for everybody, and answers that a real run gives."""

import ast
import json
import subprocess
import sys
from itertools import islice

import pytest
from harness import run
from in_process import run_here
from processes import reap_all
from waiting import wait_until

from procdemo.lab.bare_code import bare
from procdemo.lab.lesson import lessons
from procdemo.tour.quiz import ENDINGS, KINDS, problems

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 12))]


@pytest.mark.parametrize(
    ("kind", "question", "expected"),
    [
        ("race", "The order of the steps is BBAABA.", "0 1"),
        ("exit", "SIGTERM)\n", "-15"),
        ("queue", "A queue has room for 2. Producer 1 every 0.28 s, producer 2 every 0.36 s,", "1"),
        ("pool", "They stay 4, 3, 2, 3, 3, 4 units of time.", "3 2 1 4 5 6"),
    ],
)
def test_a_seed_gives_the_same_problem_on_every_python(kind, question, expected):
    first = next(problems(kind, 0))
    assert question in first.question
    assert first.expected == expected


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_gives_other_problems(kind):
    assert len({tuple(each.question for each in islice(problems(kind, seed), 3)) for seed in range(9)}) == 9


def test_the_problems_of_a_kind_have_different_answers():
    for kind in ("race", "queue", "pool", "exit"):
        assert len({each.expected for each in islice(problems(kind, 5), 40)}) > 1, kind


def answered(problem):
    done = subprocess.run(
        [sys.executable, *problem.command], capture_output=True, text=True, check=False, timeout=60
    )
    wait_until(reap_all, what="the end of its fork server")
    return problem.read(done.stdout)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["race", "queue", "pool"])
def test_a_run_gives_what_the_model_says(kind, seed):
    problem = next(problems(kind, seed))
    answers = (answered(problem) for _ in range(5))  # a busy machine can be later than the margin
    assert problem.expected in answers, problem.question


@pytest.mark.parametrize("how", [pytest.param(how, marks=pytest.mark.thorough) for how in ENDINGS])
def test_each_ending_has_the_exitcode_that_is_expected(how):
    problem = next(each for each in problems("exit", 1) if f"    {how}\n" in each.question)
    assert answered(problem) == ENDINGS[how]


def test_a_problem_of_the_lab_has_no_comment_that_gives_it_away():
    for lesson in lessons().values():
        for script in lesson.scripts:
            code = script.path.read_text("utf-8")
            assert without_docstrings(bare(code)) == without_docstrings(code), lesson.name
            assert not [line for line in bare(code).splitlines() if line.lstrip().startswith("#")]


def without_docstrings(code):
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = node.body[ast.get_docstring(node) is not None :] or [ast.Pass()]
    return ast.dump(tree)


def test_bare_code_keeps_its_lines_and_a_body():
    code = '"""What it is."""\n\n\ndef f():\n    """Do it."""\n\n\nx = "#"  # a sign\n'
    assert bare(code) == 'def f():\n    pass\n\nx = "#"\n'


# --- the command


def test_the_problems_are_shown_without_their_answers():
    output = run_here("quiz", "race", "--seed", "3", "-n", "2").assert_clean().stdout
    assert output.count("where does the counter end?") == 2
    assert output.splitlines()[-1].startswith("To see the answers: procdemo quiz race --seed 3 -n 2 -c.")


def test_with_c_each_answer_is_from_a_run():
    expected = [each.expected for each in islice(problems("race", 3), 2)]
    assert run("quiz", "race", "--seed", "3", "-n", "2", "-c", "-q").assert_clean().stdout.split("\n") == [
        f"   {number}: {answer}" for number, answer in enumerate(expected, start=1)
    ] + [""]


def test_a_sheet_is_checked_and_scored(tmp_path):
    sheet = tmp_path / "sheet.txt"
    expected = [each.expected for each in islice(problems("race", 3), 3)]
    sheet.write_text(f"# mine\n1: {expected[0].replace(' ', ', ')}\n\n2. 7 7\n", "utf-8")
    args = ("quiz", "race", "--seed", "3", "-n", "3", "--answers", str(sheet))
    lines = run(*args).assert_clean(status=1).stdout.splitlines()
    assert lines == [
        f"1: right ({expected[0]})",
        f"2: WRONG: 7 7; the run says {expected[1]}",
        f"3: WRONG: no answer; the run says {expected[2]}",
        "1 of 3 right",
    ]
    log = [json.loads(line) for line in run(*args, "--json").assert_clean(status=1).stdout.splitlines()]
    assert [event["name"] for event in log] == ["meta", "problem", "problem", "problem", "summary"]
    assert [event["data"].get("right") for event in log[1:]] == [True, False, False, 1]
    sheet.write_text(
        "".join(f"{number}: {answer}\n" for number, answer in enumerate(expected, start=1)), "utf-8"
    )
    assert run(*args).assert_clean(status=0).stdout.splitlines()[-1] == "3 of 3 right"


@pytest.mark.parametrize("line", ["what?", "4: 1 2", "0: 1 2", ": 1"])
def test_a_line_that_is_no_answer_is_refused(tmp_path, line):
    sheet = tmp_path / "sheet.txt"
    sheet.write_text(f"1: 0 2\n{line}\n", "utf-8")
    result = run_here("quiz", "race", "--answers", str(sheet)).assert_clean(status=2, stderr_lines=5)
    assert f"line 2 of {sheet}" in result.stderr
    assert "N from 1 to 3" in result.stderr


def test_a_sheet_or_the_answers():
    result = run_here("quiz", "race", "-c", "--answers", __file__).assert_clean(status=2, stderr_lines=5)
    assert "one of both" in result.stderr


def test_a_sheet_that_is_not_there():
    result = run_here("quiz", "race", "--answers", "nowhere.txt").assert_clean(status=1, stderr_lines=3)
    assert "Could not open file 'nowhere.txt': No such file or directory" in result.stderr


def test_without_a_kind_it_names_the_kinds_in_one_line():
    result = run_here("quiz").assert_clean(status=2, stderr_lines=4)
    assert "One of race, queue, pool, exit, lab." in result.stderr
