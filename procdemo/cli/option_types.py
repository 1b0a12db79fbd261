"""Types of options whose errors say in plain words what is allowed (click quotes as Python does)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import click

from procdemo.demo.text import quoted


class WholeNumber(click.IntRange):
    """A range of whole numbers."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail."""
        try:
            return super().convert(int(value), param, ctx)
        except ValueError:
            self.fail(f"{quoted(str(value))} is not a whole number.", param, ctx)


class FiniteRange(click.FloatRange):
    """A range of finite numbers: neither infinity nor not-a-number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{quoted(str(value))} is not a number.", param, ctx)
        if not math.isfinite(number):
            self.fail(f"{quoted(str(value))} is not a finite number.", param, ctx)
        return super().convert(number, param, ctx)


class Choice(click.Choice[str]):
    """One of some words, in upper or lower case."""

    def __init__(self, words: Sequence[str], also: Mapping[str, str] | None = None) -> None:
        """Allow `words`; `also` has other words that are understood, in upper case, with their meaning."""
        super().__init__(words)
        self._meant = {word.upper(): word for word in words} | dict(also or {})

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word, or fail."""
        meant = self._meant.get(str(value).upper())
        if meant is None:
            self.fail(f"{quoted(str(value))} is none of {', '.join(self.choices)}.", param, ctx)
        return super().convert(meant, param, ctx)
