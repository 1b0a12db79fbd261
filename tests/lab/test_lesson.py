"""What a lesson expects depends on the interpreter and the start method."""

from pathlib import Path

import pytest

from procdemo.demo.settings import CannotRunError
from procdemo.lab.lesson import Interpreter, Script, find, lessons, search

GIL = Interpreter((3, 12, 1), "gil", "linux")
FREE = Interpreter((3, 14, 0), "free-threaded", "linux")


def script(*exceptions):
    return Script("broken", Path("broken.py"), {"verdict": "HUNG", "shows": ["a"], "but": list(exceptions)})


def verdict(but, method="fork", where=GIL):
    return script({**but, "verdict": "OK"}).expected(method, where).verdict


def test_the_rule_holds_where_there_is_no_exception():
    expected = script().expected("spawn", GIL)
    assert (expected.verdict, expected.shows, expected.survivors) == ("HUNG", ("a",), 0)


def test_an_exception_changes_what_it_names_and_no_more():
    expected = script({"start_methods": ["spawn"], "survivors": 1}).expected("spawn", GIL)
    assert (expected.verdict, expected.shows, expected.survivors) == ("HUNG", ("a",), 1)


def test_the_first_exception_that_applies_counts():
    found = script({"python": "<3.12", "verdict": "OK"}, {"verdict": "LOST"}, {"verdict": "ERROR"})
    assert found.expected("fork", GIL).verdict == "LOST"


@pytest.mark.parametrize(
    ("but", "applies"),
    [
        ({}, True),
        ({"start_methods": ["fork", "spawn"]}, True),
        ({"start_methods": ["spawn"]}, False),
        ({"python": ">=3.12"}, True),
        ({"python": ">=3.12,<3.13"}, True),
        ({"python": ">=3.12.1"}, True),
        ({"python": ">=3.12.2"}, False),
        ({"python": "<3.12.10"}, True),
        ({"python": ">=3.11.9"}, True),
        ({"python": "<3.12,>=3.11.9"}, False),
        ({"python": ">=3.13"}, False),
        ({"python": "<3.12"}, False),
        ({"build": "gil"}, True),
        ({"build": "free-threaded"}, False),
        ({"system": "darwin"}, False),
        ({"system": "linux", "python": "<3.9"}, False),
    ],
)
def test_where_an_exception_applies(but, applies):
    assert (verdict(but) == "OK") == applies


def test_a_build_without_gil():
    assert verdict({"build": "free-threaded"}, where=FREE) == "OK"


def test_lessons_are_in_the_order_of_their_chapters():
    chapters = [lesson.chapter for lesson in lessons().values()]
    assert chapters == sorted(chapters)


def test_a_lesson_without_start_methods_is_run_once():
    lesson = find("join-before-drain")
    assert lesson.methods(["fork", "spawn"]) == ["fork", "spawn"]
    assert lesson._replace(start_methods=()).methods(["fork", "spawn"]) == [""]
    assert lesson._replace(start_methods=("spawn",)).methods(["fork"]) == []


def test_a_lesson_says_why_it_cannot_be_run_here():
    lesson = find("join-before-drain")
    assert lesson.missing() == ""
    assert "needs 10000 CPUs" in lesson._replace(cpus=10_000).missing()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("join-befor-drain", "lab join-before-drain"), ("Deadlok", "lab deadlock"), ("x", "lists them all")],
)
def test_an_unknown_lesson(name, hint):
    with pytest.raises(CannotRunError, match="no lesson called") as error:
        find(name)
    assert hint in error.value.hint
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("typed", "lesson"),
    [
        ("deadlock", "two-locks"),
        ("dining philosophers", "dining-philosophers"),
        ("subprocess hangs", "popen-wait"),
        ("asyncio blocking call", "blocked-loop"),
        ("printed twice", "print-twice"),
        ("imap memory", "eager-imap"),
        ("file offset fork", "shared-offset"),
        ("executor exception silent", "lost-future"),
        ("queue.Queue process", "thread-queue"),
        ("pool map two arguments", "two-args"),
        ("future cancel timeout", "future-timeout"),
        ("daemon thread", "daemon-thread"),
        ("pool initializer hangs", "bad-initializer"),
        ("manager proxy", "manager-gone"),
        ("submit inside task", "nested-submit"),
        ("lock inheritance", "lock-to-pool"),
        ("recv EOFError", "pipe-eof"),
        ("stdin", "stdin-script"),
        ("threading.Lock processes", "thread-lock"),
        ("condition notify", "event-lost"),
        ("3.14 default", "changed-default"),
        ("preload", "preload-trap"),
        ("InterpreterPoolExecutor", "interpreters"),
        ("terminate_workers", "kill-workers"),
        ("kill_workers", "kill-workers"),
        ("queue shutdown", "queue-shutdown"),
        ("buffersize", "eager-map"),
        ("never awaited", "forgotten-await"),
        ("create_task", "lost-task"),
        ("TaskGroup", "sibling-fails"),
        ("free-threaded counter", "thread-increment"),
        ("iterator threads", "shared-generator"),
    ],
)
def test_a_question_is_found_by_the_words_a_person_would_type(typed, lesson):
    found = [each.name for each in search(typed.split())]
    assert lesson in found
    assert len(found) <= 10


def test_a_word_of_a_script_finds_its_lesson_if_no_text_has_it():
    assert "switch-interval" in [lesson.name for lesson in search(["setswitchinterval"])]
    assert search(["no-such-word"]) == []
    assert len(search(["deadlock"])) < 20, "the texts have it, so the scripts are not searched"
