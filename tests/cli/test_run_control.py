"""What a person asks for while a demo runs, without a terminal."""

import pytest

from procdemo.cli.run_control import RunControl
from procdemo.demo.events import Event
from procdemo.render.telling import Telling

STORY = {"key": "a key sentence"}


class Demo:
    """A demo that can be paused, its screen, and a keyboard with what is typed at each look."""

    def __init__(self, *typed):
        self.typed = list(typed)
        self.paused, self.seconds, self.may_be_paused, self.gone = False, 1.5, True, False
        self.said = []
        self.control = RunControl(self, self, self, Telling(STORY, {}), lambda: self.said.append("end"))
        self.control._keyboard = self
        self.control._look_at = float("inf")  # no key is due

    def pressed(self, _seconds):
        """Return what is typed next; after that the terminal is gone."""
        self.gone = not self.typed
        return self.typed.pop(0) if self.typed else ""

    def pause(self):
        self.paused = True

    def go_on(self):
        self.paused = False

    def __call__(self, event):
        self.said.append(event.name)

    def flush(self):
        pass

    def happens(self, name):
        self(event := Event("mark", name, {}, 0, 1, 1, "main"))
        self.control.after(event)


def test_a_step_ends_before_the_next_event_is_drawn():
    demo = Demo(".", " ")
    demo.control.look()
    for name in ("detail", "key", "key"):
        demo.happens(name)
    assert demo.said == ["detail", "key", "paused", "goes on", "key"]


def test_space_and_space():
    demo = Demo(" ", "", " ")
    demo.control.look()
    assert demo.said == ["paused", "goes on"]


def test_a_step_is_over_with_the_next_space():
    demo = Demo(" .", " ", " ")
    demo.control.look()
    assert demo.said == ["paused", "goes on"]
    demo.control.look()
    assert demo.said[2:] == ["paused", "goes on"]
    demo.happens("key")
    assert demo.said[4:] == ["key"]


def test_q_ends_it_also_in_a_pause():
    demo = Demo(" ", "q")
    demo.control.look()
    assert demo.said == ["paused", "goes on", "ended by key", "end"]


def test_without_a_keyboard_it_goes_on():
    demo = Demo(" ")
    demo.control.look()
    assert demo.said == ["paused", "goes on"]


@pytest.mark.parametrize("typed", [" ", ".", "x", "\x1b[A"])
def test_a_demo_that_ends_is_not_paused(typed):
    demo = Demo(typed)
    demo.may_be_paused = False
    demo.control.look()
    demo.happens("key")
    assert demo.said == ["key"]


def test_a_request_to_stop_ends_the_pause_and_that_is_said():
    demo = Demo(" ")
    demo.pressed = lambda _: demo.go_on() or "" if demo.paused else " "
    demo.control.look()
    assert demo.said == ["paused", "goes on"]
