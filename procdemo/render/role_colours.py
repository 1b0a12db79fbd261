"""The colour of a role on the screen: in its lines, and in its lanes."""

from procdemo.demo.states import State
from procdemo.render.palette import LOOKS
from procdemo.render.timeline import family

_STATES = (State.COMPUTING, State.READY, State.WAITING, State.BLOCKED, State.STARTING, State.STOPPED)
_COLOURS = tuple(LOOKS[state].colour for state in _STATES)
"""Those of the lanes: each can be read on a white projector and in a dark terminal."""


class RoleColours:
    """Gives each family of roles a colour of its own, in the order in which they appear; `main` is bold.

    For the screen only: the HTML page colours a lane by its state (``STATE_COLOURS`` in lanes.js).
    """

    def __init__(self) -> None:
        self._by_family: dict[str, str] = {}

    def of(self, role: str) -> str:
        """Return the colour of `role` as Rich names it, the same for all of its family (``worker-*``)."""
        kind = family(role)
        if kind == "main":
            return "bold"
        return self._by_family.setdefault(kind, _COLOURS[len(self._by_family) % len(_COLOURS)])
