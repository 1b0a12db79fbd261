"""How each state looks in a lane: one palette for the screen and for the page.

The nine states of the kernel differ in shape, in lightness and in hue, so that they can be told apart on a
white projector, in a dark terminal, and by people who do not see all colours. Each colour has a contrast of
at least 4 to white and of at least 3.9 to black. Only *computing* is a solid block. What a demo says of
itself, where one could not look at its processes, has outlined signs.
"""

from typing import NamedTuple

from procdemo.demo.states import Activity, State


class Look(NamedTuple):
    """How a state is drawn."""

    glyph: str
    ascii: str
    colour: str
    """As in CSS: ``#rrggbb``."""
    pattern: str
    """How the page fills its bar; lanes.js knows the names."""
    meaning: str
    """For the legend of the page; the screen has only its first word."""


LOOKS: dict[State | Activity, Look] = {
    State.COMPUTING: Look("█", "#", "#0077bb", "solid", "computing: has a CPU"),
    State.READY: Look("▒", "+", "#c65102", "hatched", "ready: wants a CPU and has none"),
    State.SLEEPING: Look("·", ".", "#777777", "dotted", "sleeping: lets time pass"),
    State.WAITING: Look("─", "-", "#228833", "line", "waiting: for data, a connection or a signal"),
    State.BLOCKED: Look("═", "x", "#aa4499", "lines", "blocked: by a lock, a full queue, a child, a disk"),
    State.STOPPED: Look("!", "!", "#cc3311", "barred", "stopped: by a signal"),
    State.ZOMBIE: Look("z", "z", "#8c564b", "crossed", "zombie: has ended, and is not reaped"),
    State.STARTING: Look("~", "~", "#008299", "waved", "starting: a new interpreter"),
    State.GONE: Look(" ", " ", "#9aa3b0", "thin", "gone"),
    State.UNSEEN: Look(" ", " ", "#d0d5dc", "thin", "not seen: the command could not look"),
    Activity.ACTIVE: Look("□", "o", "#0077bb", "outlined", "is active"),
    Activity.STARTS: Look("◇", "s", "#008299", "outlined", "starts"),
    Activity.BLOCKED: Look("▫", "b", "#aa4499", "outlined", "is blocked: queue full or empty"),
    Activity.WAITS: Look("╌", "w", "#228833", "outlined", "waits for another process"),
    Activity.GONE: Look(" ", " ", "#9aa3b0", "thin", "has ended"),
}
TICK, ASCII_TICK = "│", "|"
"""A moment of the story: the process reported something."""
