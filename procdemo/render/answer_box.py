"""The answer of a demo for the back row: a box as wide as the screen."""

from rich import box
from rich.panel import Panel
from rich.text import Text

_INK = "bold #ffffff"  # on the colour of the answer
_WIDEST = 100  # cells


def answer_box(answer: str, colour: str, width: int, *, plain: bool) -> Panel:
    """Return the last line of a run in a box `width` cells wide, on a ground of this colour."""
    style = f"{_INK} on {colour}"
    frame = box.ASCII if plain else box.HEAVY
    text = Text(answer, style=style, justify="center")
    return Panel(text, box=frame, style=style, width=min(width, _WIDEST))
