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
    known_until: tuple[int, int] = (99, 0)
    """From this Python on a lock of threads does not say at which address it is waited for."""
    thorough: bool = False
    """Whether only ``make test-all`` has it."""
    report: str = ""
    """The address of the public report whose pattern it is; empty if it was written for the tests."""
    verdict_then: str = ""
    """The verdict from the Python of `known_until` on, if it is another one."""

    def told_by(self, version):
        """Return the program as this version of Python makes it known."""
        if version < self.known_until:
            return self
        verdict = self.verdict_then or self.verdict
        return self._replace(verdict=verdict, says="the holder is not known", circle=())
