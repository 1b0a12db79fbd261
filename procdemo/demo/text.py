"""Untrusted bytes and strings made printable, for a terminal, a table or a log."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

LIMIT = 2_000
"""Most characters of one value that are shown: a megabyte would flood a screen."""

_DEEPEST = 10  # lists within lists that are shown
_QUOTED = 80  # characters of a word in a message


def printable(value: Any, limit: int = LIMIT) -> str:
    r"""Return `value` as one line of printable characters: no terminal takes one for a command.

    Every character that `str.isprintable` refuses (escape and other control characters, C1
    controls, direction overrides, zero-width characters, lone surrogates) becomes its escape:
    ESC is shown as ``\x1b``. Bytes are read as UTF-8, undecodable ones shown as ``\xff``.
    A text of more than `limit` characters is cut; the number of those that are left out follows. A list is
    shown as its elements, and not as Python writes it: ``a, b`` instead of ``['a', 'b']``.
    """
    if type(value) is str and len(value) <= limit and value.isprintable():
        return value  # the usual case
    if isinstance(value, bytes | bytearray):
        # A character has at most four bytes: decode no more of a megabyte than is shown.
        text = bytes(value[: 4 * limit]).decode("utf-8", "backslashreplace")
        rest = max(len(text) - limit, 0) + max(len(value) - 4 * limit, 0)
    else:
        text = value if isinstance(value, str) else _in_words(value, _DEEPEST)
        rest = len(text) - limit
    text = text[:limit]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return f"{text}... ({rest:,} more)" if rest > 0 else text


def _in_words(value: Any, depth: int) -> str:
    """Return a value as a person would write it, lists and dictionaries within it down to `depth`."""
    if isinstance(value, list | tuple | set | frozenset | Mapping) and not depth:
        return "..."
    if isinstance(value, Mapping):
        return ", ".join(f"{_in_words(key, depth - 1)} {_in_words(value[key], depth - 1)}" for key in value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_in_words(each, depth - 1) for each in value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    return str(value.value if isinstance(value, Enum) else value)


def quoted(text: str | bytes) -> str:
    """Return a word from outside as part of a sentence: printable, short, in quotation marks."""
    return f"'{printable(text, _QUOTED)}'"


def reason_of(error: BaseException) -> str:
    """Return why something failed, in words: an error of the system without its number and its file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def facts(data: Mapping[str, Any], limit: int = 300) -> dict[str, Any]:
    """Return an event's data for a picture: numbers unchanged, all else as printable text."""
    return {
        printable(key): value if _is_number(value) else printable(value, limit) for key, value in data.items()
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
