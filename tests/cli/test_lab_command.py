"""The lab's command: the list, the code, the question before a run."""

import json
import sys
from types import SimpleNamespace

import click
import pexpect
import pytest
from harness import PROCDEMO, run
from in_process import both_ways
from selection import some_of
from terminals import press_key

from procdemo.cli.common_options import ViewOptions
from procdemo.cli.demo_options import parameters
from procdemo.cli.lab_command import _asked_about, _predicted
from procdemo.demo.settings import CannotRunError, HelpGroup
from procdemo.lab.demo import Config, Methods, _refuse
from procdemo.lab.lesson import CHAPTERS, FOLDER, lessons

TERMINAL = SimpleNamespace(isatty=lambda: True)


def test_without_a_name_it_lists_all_lessons_by_chapter():
    result = run("lab").assert_clean(0, stderr_lines=0)
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")]
    assert listed == list(lessons())
    assert all(
        f"{lesson.chapter}. {CHAPTERS[lesson.chapter]}" in result.stdout for lesson in lessons().values()
    )


def test_the_list_as_json():
    result = run("lab", "--json").assert_clean(0, stderr_lines=0)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["name"] for each in rows] == list(lessons())
    assert rows[0].keys() == {"name", "title", "chapter", "notes"}


def test_the_code_is_what_the_lab_runs():
    folder = FOLDER / "join-before-drain"
    both = run("lab", "join-before-drain", "--code").assert_clean(0).stdout
    assert both == (folder / "broken.py").read_text() + (folder / "fixed.py").read_text()
    fixed = run("lab", "join-before-drain", "--code", "--fixed").assert_clean(0).stdout
    assert fixed == (folder / "fixed.py").read_text()


def test_what_is_printed_can_be_run(tmp_path):
    script = tmp_path / "taken_home.py"
    script.write_text(run("lab", "join-before-drain", "--code", "--fixed").stdout)
    result = run(str(script), "spawn", program=[sys.executable]).assert_clean(0)
    assert result.stdout == "expected 20000, got 20000\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["no-such-lesson"], "no lesson called 'no-such-lesson'"),
        (["join-befor-drain"], "procdemo lab join-before-drain"),
        (["--code"], "name a lesson"),
        (["--predict"], "name a lesson"),
        (["--all", "lost-updates"], "--all"),
        (["--all", "--code"], "--all"),
        (["lost-updates", "--predict"], "on a terminal"),
        (["lost-updates", "--guess", "maybe"], "maybe"),
        (["lost-updates", "--start-method", "thread"], "thread"),
    ],
)
@both_ways
def test_wrong_usage(run, args, said):
    result = run("lab", *args).assert_clean(2, stderr_lines=4)
    assert said in result.stderr
    assert result.stdout == ""


def predicted(answer):
    command = pexpect.spawn(
        PROCDEMO[0], [*PROCDEMO[1:], "lab", "lost-updates", "--predict"], encoding="utf-8"
    )
    command.expect("counter.value \\+= 1")
    command.expect("What will it do")
    command.sendline(answer)
    command.expect(pexpect.EOF, timeout=120)
    command.close()
    return command


@pytest.mark.parametrize(
    ("answer", "judgement"),
    some_of([("lost", "right"), ("HUNG", "look again"), ("hang", "look again")]),
)
def test_it_asks_before_it_runs(answer, judgement):
    command = predicted(answer)
    assert command.exitstatus == 0
    said = answer.upper().replace("HANG", "HUNG")
    assert f"you said {said}, and it was LOST: {judgement}" in " ".join(command.before.split())


def test_a_wrong_answer_is_told_the_words_of_the_question():
    command = pexpect.spawn(PROCDEMO[0], [*PROCDEMO[1:], "lab", "zombie", "--predict"], encoding="utf-8")
    command.expect("What will it do: OK .*, LOST .*, ERROR, or HUNG")
    command.sendline("what's that")
    command.expect_exact("Error: 'what's that' is none of OK, LOST, ERROR, HUNG.")
    command.expect("What will it do")
    command.sendcontrol("c")
    command.expect(pexpect.EOF)
    command.close()


@pytest.mark.thorough
def test_several_lessons_keep_the_score():
    words = ["lab", "zombie", "print-twice", "--predict", "--no-sample", "--start-method", "fork"]
    command = pexpect.spawn(PROCDEMO[0], [*PROCDEMO[1:], *words], encoding="utf-8", timeout=120)
    command.expect_exact("Lesson 1 of 2", timeout=120)
    command.expect("What will it do")
    assert not [word for word in ('"""', "#", "Zombies") if word in command.before], "the answer is there"
    command.sendline("lost")
    command.expect_exact("3 zombies (LOST: really gone: expected 3, got 0)", timeout=120)
    command.expect_exact("You were right in 1 of 1 lessons.", timeout=120)
    press_key(command, " ")
    command.expect_exact("Lesson 2 of 2", timeout=120)
    command.expect("What will it do")
    command.sendline("hung")
    command.expect_exact("You were right in 1 of 2 lessons.", timeout=120)
    command.expect(pexpect.EOF, timeout=120)
    command.close()
    assert command.exitstatus == 0


@pytest.mark.parametrize(("key", "status"), [("q", 0), ("\x03", 0)], ids=["q", "Ctrl-C"])
@pytest.mark.thorough
def test_one_can_leave_after_each_lesson(key, status):
    words = ["lab", "zombie", "print-twice", "--predict", "--no-sample", "--start-method", "fork"]
    command = pexpect.spawn(PROCDEMO[0], [*PROCDEMO[1:], *words], encoding="utf-8", timeout=120)
    command.expect("What will it do")
    command.sendline("hung")
    command.expect_exact("You were right in 0 of 1 lessons. Any key: the next lesson")
    press_key(command, key)
    command.expect(pexpect.EOF)
    command.close()
    assert command.exitstatus == status


def test_the_mended_script_is_not_asked_about():
    with pytest.raises(click.UsageError, match="leave --fixed out"):
        _predicted([lessons()["zombie"]], Config(predict=True, fixed=True), ViewOptions())


def test_a_chapter_or_a_word_stands_for_its_lessons(monkeypatch):
    monkeypatch.setattr(sys, "stdin", TERMINAL)
    monkeypatch.setattr(sys, "stderr", TERMINAL)
    chapter = [lesson.name for lesson in lessons().values() if lesson.chapter == "E"]
    assert [lesson.name for lesson in _asked_about(["e"])] == chapter
    assert "two-locks" in [lesson.name for lesson in _asked_about(["deadlock"])]
    assert [lesson.name for lesson in _asked_about(["zombie", "zombie"])] == ["zombie"]
    with pytest.raises(CannotRunError, match="no lesson called"):
        _asked_about(["no-such-word"])


@pytest.mark.parametrize("word", ["HANG", "hangs", "hung", "Hung"])
def test_a_guess_in_other_words(word):
    assert parse_guess(word) == "HUNG"


def parse_guess(word):
    (guess,) = [option for option in parameters(Config)[HelpGroup.LESSON] if option.name == "guess"]
    return guess.type.convert(word, None, None)


def test_a_guess_without_a_question():
    result = run("lab", "lost-updates", "--guess", "OK", "--json").assert_clean(0)
    (guess,) = result.named("guess")
    assert guess.data == {"guess": "OK", "verdict": "LOST", "judgement": "look again"}


def test_a_lesson_that_cannot_be_run_here_is_not_ok():
    args = ("lab", "gil-cpu", "--json")
    result = run(*args, program=["taskset", "-c", "0", *PROCDEMO]).assert_clean(3, stderr_lines=0)
    assert not result.summary["ok"]
    assert result.summary["reason"] == "gil-cpu: not run: needs 2 CPUs, and this process may use 1"


def test_a_lesson_without_the_chosen_start_method_is_not_ok():
    lesson = lessons()["zombie"]._replace(start_methods=("fork",))
    with pytest.raises(CannotRunError, match="not about the start method spawn") as refusal:
        _refuse(lesson, Config(start_method=Methods.SPAWN))
    assert (refusal.value.hint, refusal.value.exit_code) == ("--start-method fork", 2)
