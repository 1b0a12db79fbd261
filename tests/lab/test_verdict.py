"""The verdict follows from what the watchdog has seen."""

import pytest

from procdemo.lab.lesson import Expectation
from procdemo.lab.verdict import Report, judge


def report(said=(), status=0, hung="", survivors=0):
    return Report(list(said), status, hung, 0.1, survivors)


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (report(), "OK"),
        (report(["expected 5, got 5"]), "OK"),
        (report(["expected 5, got 3"]), "LOST 2"),
        (report(["expected 5, got 7"]), "LOST -2"),
        (report(["expected 5, got 5", "expected 9, got 1"]), "LOST 8"),
        (report(["expected 5, got 3"], status=1), "LOST 2"),
        (report(status=1), "ERROR"),
        (report(status=-15), "ERROR"),
        (report(["expected 5, got 3"], status=-6, hung="nothing had moved for 1 s"), "HUNG"),
    ],
)
def test_words(seen, word):
    verdict = judge(seen, Expectation(word.partition(" ")[0]))
    assert str(verdict) == word
    assert not verdict.differs


@pytest.mark.parametrize(
    ("seen", "expected", "differs"),
    [
        (report(), Expectation("HUNG"), "expected HUNG"),
        (report(survivors=1), Expectation("OK"), "expected 0 left behind, not 1"),
        (report(), Expectation("OK", survivors=2), "expected 2 left behind, not 0"),
        (report(["one", "two"]), Expectation("OK", (r"^tw", "three")), "expected to read 'three'"),
        (report(["one", "two"]), Expectation("OK", (r"^tw", "n")), ""),
    ],
)
def test_differences(seen, expected, differs):
    assert judge(seen, expected).differs == differs


def test_a_lesson_has_a_word_of_its_own_for_lost():
    lost = judge(report(["really gone: expected 3, got 0"]), Expectation("LOST", lost_means="{lost} zombies"))
    assert lost.facts()["shown"] == "3 zombies (LOST: really gone: expected 3, got 0)"
    hung = judge(report(hung="nothing had moved"), Expectation("LOST", lost_means="{lost} zombies"))
    assert hung.facts()["shown"] == "HUNG (nothing had moved)"


def test_survivors_are_in_the_reason():
    assert judge(report(survivors=3), Expectation("OK")).reason == "exit status 0, 3 left behind"
