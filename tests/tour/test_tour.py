"""The tour: each step asks, runs, and says what was to be seen, with the PIDs of this run."""

import json
import os
import re

import command_lines
import pexpect
import pytest
from harness import PROCDEMO, run
from in_process import run_here
from terminals import press_key
from traces import QUICK, USUAL

from procdemo.tour.step import _FACT, script_path, steps

each_step = pytest.mark.parametrize("step", steps(), ids=lambda step: step.title)


def test_there_are_twelve_steps():
    assert [step.number for step in steps()] == list(range(1, 13))


@each_step
def test_a_step_is_complete_and_plain(step, tmp_path):
    assert 0 <= step.answer <= len(step.choices) == 3
    assert all(_FACT.fullmatch(fact) for fact in step.facts.values())
    assert set(step.status) <= {0, 4}
    for sentence in re.split(r"(?<=[.?!:]) ", f"{step.question} {step.saw}"):
        assert len(sentence.split()) <= 20, sentence
    script = script_path(step.script) if step.script else ""
    words = [word.format(port=8080, script=script) for word in step.command]
    command_lines.check(" ".join(words))


@pytest.mark.parametrize(
    "number", [2, 8, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(1, 13))]
)
def test_a_step_runs_and_knows_what_was_to_be_seen(number):
    result = run("tour", str(number), "--json", limit=60, env=USUAL).assert_clean()
    (row,) = result.named("step")
    assert row.data["number"] == number
    assert "?" not in row.data["saw"]
    assert "{" not in row.data["saw"]
    assert result.summary["failed"] == []


def test_without_a_terminal_it_goes_on_by_itself():
    output = run("tour", "8").assert_clean().stdout
    assert output.lstrip().startswith("Step 8 of 12: A lost update")
    assert "What you saw: Two additions, but the counter stands at 1." in output
    assert output.rstrip().endswith("Type it yourself: procdemo race")


def test_the_list():
    lines = run_here("tour", "--list").assert_clean().stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, 13)]
    rows = run_here("tour", "--list", "--json").assert_clean().stdout.splitlines()
    assert [json.loads(row)["number"] for row in rows] == list(range(1, 13))


def test_a_step_that_is_not_there():
    result = run_here("tour", "13").assert_clean(status=2, stderr_lines=4)
    assert "there are 12 steps" in result.stderr


# --- with a person


def person(*args):
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **QUICK}
    words = [*PROCDEMO[1:], "tour", *args]
    return pexpect.spawn(
        PROCDEMO[0],
        words,
        env=environment,
        dimensions=(24, 80),
        timeout=30,
        encoding="utf-8",
    )


def ended(child):
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


@pytest.mark.parametrize(
    ("guess", "said", "score"), [("2", "you were right", 1), ("3", "you guessed otherwise", 0)]
)
def test_a_guess_is_counted_and_never_blamed(guess, said, score):
    child = person("8")
    child.expect(r"Where does the counter\s+end")
    child.expect("Your guess: 1 to 3")
    press_key(child, guess)
    child.expect("space: what you saw")
    press_key(child, " ")
    child.expect(f"Answer: 1   \\({said}\\)")
    child.expect("q: leave")
    press_key(child, " ")
    child.expect(f"You were right in {score} of 1 questions")
    assert ended(child) == 0


def test_again_the_code_and_back():
    child = person("--from", "8")
    child.expect("Step 8 of 12")
    child.expect("Your guess")
    press_key(child, " ")
    child.expect("space: what you saw")
    press_key(child, " ")
    child.expect("q: leave")
    press_key(child, "r")
    child.expect("space: what you saw")
    press_key(child, " ")
    child.expect("q: leave")
    press_key(child, "c")
    child.expect("an update is lost")
    child.expect("q: leave")
    press_key(child, "\r")
    child.expect("Step 9 of 12")
    child.expect("Your guess")
    press_key(child, "q")
    assert ended(child) == 0


def test_ctrl_c_leaves():
    child = person("8")
    child.expect("Your guess")
    child.sendintr()
    assert ended(child) == 130
