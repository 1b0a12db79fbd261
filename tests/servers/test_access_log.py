"""The guest book: each client is told once, aloud while somebody could follow, page by page beyond."""

import math

from hypothesis import given
from hypothesis import strategies as st

from procdemo.demo.events import Emitter, Event
from procdemo.servers.access_log import PAGE_S, AccessLog

LEFT = ("client left", 5)


class Story(list):
    """The events told."""

    def __call__(self, record):
        self.append(Event._make(record))

    def names(self, event, kind="mark"):
        told = [each.data for each in self if (each.name, each.kind) == (event, kind)]
        return [name for data in told for name in data.get("clients", [data.get("client")])]


def test_a_few_are_told_at_once_as_bars_by_who_serves_one_at_a_time():
    story, notes = Story(), []
    book = AccessLog(Emitter(story), notes.append)
    book.turn(0.0)
    book.came("a")
    assert story.names("serve", "begin") == ["a"]
    assert notes == ["a"]
    book.left("a", 0.25, LEFT)
    told = story[1].data
    assert (told["client"], told["bytes"], told["ms"], told["reason"]) == ("a", 5, 250.0, "client left")
    assert [event.kind for event in story] == ["begin", "mark", "end"]
    assert notes == ["a", ""]


def test_in_an_event_loop_they_are_marks():
    story = Story()
    book = AccessLog(Emitter(story))
    book.came("a")
    book.came("b")
    book.left("a", 0.1, LEFT)
    assert [(event.kind, event.name) for event in story] == [
        ("mark", "serve"),
        ("mark", "serve"),
        ("mark", "served"),
    ]


def test_a_rush_is_told_page_by_page_and_short_visits_once():
    story = Story()
    book = AccessLog(Emitter(story))
    book.turn(0.0)
    for number in range(300):
        book.came(f"client-{number}")
        book.left(f"client-{number}", 0.001, LEFT)
    aloud = len(story)
    book.turn(PAGE_S)
    assert len(story) - aloud <= 5, "a few pages"
    served = story.names("served") + story.names("served many")
    assert sorted(served) == sorted(f"client-{number}" for number in range(300))
    assert not story.names("serve many"), "who has left need not be told to have come"
    pages = [event.data for event in story if event.name == "served many"]
    assert all(page["reasons"] == {"client left": page["count"]} for page in pages)
    assert all(page["bytes"] == 5 * page["count"] for page in pages)


def test_after_a_rush_they_are_told_aloud_again():
    story = Story()
    book = AccessLog(Emitter(story))
    now = 0.0
    book.turn(now)
    for _ in range(3):
        for number in range(100):
            book.came(f"client-{number}")
            book.left(f"client-{number}", 0.001, LEFT)
        now += PAGE_S
        book.turn(now)
    now += PAGE_S
    book.turn(now)  # nobody came meanwhile
    book.turn(now + PAGE_S)
    story.clear()
    book.came("at last")
    assert story.names("serve") == ["at last"]


def test_what_is_not_told_yet_is_told_at_the_end():
    story = Story()
    book = AccessLog(Emitter(story))
    for number in range(100):
        book.came(f"client-{number}")
    book.close()
    assert len(story.names("serve") + story.names("serve many")) == 100


@given(st.lists(st.sampled_from(["came", "left", "turn", "wait"]), max_size=400))
def test_whatever_happens_each_departure_is_told_once_and_nobody_leaves_before_coming(steps):
    story = Story()
    book = AccessLog(Emitter(story))
    here, gone, number, now = [], [], 0, 0.0
    for step in steps:
        if step == "came":
            number += 1
            here.append(f"c{number}")
            book.came(here[-1])
        elif step == "left" and here:
            gone.append(here.pop(0))
            book.left(gone[-1], 0.001, LEFT)
        elif step == "turn":
            now += PAGE_S
            book.turn(now)
        elif step == "wait":
            now += 10 * PAGE_S
    book.close()
    assert sorted(story.names("served") + story.names("served many")) == sorted(gone)
    told = story.names("serve") + story.names("serve many")
    assert len(told) == len(set(told))
    assert set(here) <= set(told), "who stays is told to have come"
    assert book.turn_at == math.inf
