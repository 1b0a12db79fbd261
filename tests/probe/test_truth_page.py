"""docs/truth.md: each state is made as its row says, and looks as its row says."""

import re
from pathlib import Path

import pytest
from sampled import Sampled
from waiting import wait_until

from procdemo.demo.states import State
from procdemo.process import procfs
from procdemo.render.palette import ASCII_TICK, LOOKS, TICK

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

PAGE = (Path(__file__).parents[2] / "docs" / "truth.md").read_text("utf-8")
ROW = re.compile(r"^\| (\S*) ?\| (\S*) ?\| (\w+) \| [^|]+ \| ([A-Z, ]*)\| `(.+)` \|$", re.MULTILINE)
ROWS = {state: (glyph, sign, letters, code) for glyph, sign, state, letters, code in ROW.findall(PAGE)}


def test_the_signs_are_those_of_the_lanes():
    assert list(ROWS) == [str(state) for state in State if state is not State.UNSEEN]
    for state, (glyph, sign, _, _) in ROWS.items():
        look = LOOKS[State(state)]
        assert (glyph.strip("`"), sign.strip("`")) == (look.glyph.strip(), look.ascii.strip())
    assert f"(`{TICK}`, in ASCII `{ASCII_TICK}`)" in PAGE


def is_seen_to_start(code):
    """Return whether a look was in time: a process starts for some milliseconds, and then it sleeps."""
    with Sampled(code) as sampled:
        found = sampled.until(
            lambda: {State.STARTING, State.SLEEPING} & {event.name for event in sampled.events}, "the child"
        )
        return State.STARTING in found


@pytest.mark.parametrize("state", ROWS)
def test_each_state_is_made_as_its_row_says(state):
    _, _, letters, code = ROWS[state]
    if state == State.STARTING:
        wait_until(lambda: is_seen_to_start(code), what="a look while it starts")
        return
    with Sampled(code) as sampled:
        if state == State.GONE:
            sampled.until(lambda: len({event.pid for event in sampled.events}) == 2, "a child")
            sampled.say()
        event = sampled.until(
            lambda: next((event for event in sampled.events if event.name == state), None), state
        )
        if state != State.GONE:  # which lasts for an instant
            sampled.until(lambda: (seen := procfs.stat(event.pid)) and seen.state in letters, letters)
