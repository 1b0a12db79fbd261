"""What is drawn of a watched program, and when."""

import time

import pytest

from procdemo.demo.events import Event
from procdemo.render import watch_screen
from procdemo.render.watch_screen import WatchScreen


def test_nothing_is_prepared_while_there_is_nothing_to_show(monkeypatch):
    """To import Rich costs as much CPU time as to watch a program for ten seconds."""
    screen = WatchScreen(stderr=True)
    screen(Event("state", "sleeping", {}, 0, 7, 7, "main"))
    later = time.monotonic() + 100
    monkeypatch.setattr(time, "monotonic", lambda: later)
    screen.flush()
    assert screen._screen is None
    screen.close()


def test_a_zombie_that_the_lanes_name_is_not_named_again():
    left = {"orphans": [], "zombies": [7, 77], "names": []}
    (sentence,) = watch_screen._left(left, "main (PID 1) did not wait for true (PID 7): a zombie")
    assert sentence == "ended, but its parent never waited for it: PID 77"
    assert not list(watch_screen._left({**left, "zombies": [7]}, "true (PID 7): a zombie"))


@pytest.mark.parametrize(
    "hint", [{}, {"hint": "python -m pip install py-spy"}], ids=["with py-spy", "without"]
)
def test_if_there_are_no_lines_of_python_it_says_what_to_install(capsys, hint):
    screen = WatchScreen(stderr=True)
    told = {"why": "it hangs", "at": "5.1 s", "lines": [], "verdict": "deadlock", "answer": "a circle."}
    screen(Event("mark", "xray", {**told, **hint}, 0, 7, 7, "main"))
    screen(Event("mark", "circle", {"threads": []}, 1, 7, 7, "main"))
    screen.close()
    assert ("try: python -m pip install py-spy" in capsys.readouterr().err.splitlines()) == bool(hint)
