"""Types of options whose errors say in plain words what is allowed (click quotes as Python does)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import click

from procdemo.demo.text import quoted


def _in_words(least: float | None, most: float | None) -> str:
    """Return a range as a person says it: ``between 1 and 1000``; nothing if there are no limits."""
    if least is None:
        return "" if most is None else f"at most {most:.12g}"
    return f"at least {least:.12g}" if most is None else f"between {least:.12g} and {most:.12g}"


def _refusal(value: Any, number: float, least: float | None, most: float | None) -> str:
    """Return what is wrong with `number`, which was typed as `value`; nothing if it is in the range."""
    if (least is None or number >= least) and (most is None or number <= most):
        return ""
    return f"it must be {_in_words(least, most)}, and {quoted(str(value))} is not."


class WholeNumber(click.IntRange):
    """A range of whole numbers."""

    name = "N"  # in the help

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{quoted(str(value))} is not a whole number.", param, ctx)
        if refusal := _refusal(value, number, self.min, self.max):
            self.fail(refusal, param, ctx)
        return number

    def _describe_range(self) -> str:  # click asks for it in the help
        return _in_words(self.min, self.max)


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
        if refusal := _refusal(value, number, self.min, self.max):
            self.fail(refusal, param, ctx)
        return number

    def _describe_range(self) -> str:  # click asks for it in the help
        return _in_words(self.min, self.max)


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

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Return the words to choose from, in one line (click's message has tabs)."""
        return f"One of {', '.join(self.choices)}."
