"""What is said of a program that hangs, for the tests of the X-ray."""

from typing import NamedTuple

ENDS = "no thread is left that could end that"


class Program(NamedTuple):
    """A program, and what is said of it."""

    name: str
    source: str
    verdict: str
    says: str
    """Words of the answer."""
    circle: tuple[str, ...] = ()
    """The mark of the line of each thread of the circle; empty if the line has none."""
    thorough: bool = False
    """Whether only ``make test-all`` has it."""
