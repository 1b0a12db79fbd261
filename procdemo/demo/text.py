"""Untrusted bytes and strings made printable, for a terminal, a table or a log."""

import math
from collections.abc import Mapping
from typing import Any

LIMIT = 2_000
"""Most characters of one value that are shown: a megabyte would flood a screen."""


def printable(value: Any, limit: int = LIMIT) -> str:
    r"""Return `value` as one line of printable characters: no terminal takes one for a command.

    Every character that `str.isprintable` refuses (escape and other control characters, C1
    controls, direction overrides, zero-width characters, lone surrogates) becomes its escape:
    ESC is shown as ``\x1b``. Bytes are read as UTF-8, undecodable ones shown as ``\xff``.
    A text of more than `limit` characters is cut; the number of those that are left out follows.
    """
    if type(value) is str and len(value) <= limit and value.isprintable():
        return value  # the usual case
    if isinstance(value, bytes | bytearray):
        # A character has at most four bytes: decode no more of a megabyte than is shown.
        text = bytes(value[: 4 * limit]).decode("utf-8", "backslashreplace")
        rest = max(len(text) - limit, 0) + max(len(value) - 4 * limit, 0)
    else:
        text = value if isinstance(value, str) else str(value)
        rest = len(text) - limit
    text = text[:limit]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return f"{text}... ({rest:,} more)" if rest > 0 else text


def facts(data: Mapping[str, Any], limit: int = 300) -> dict[str, Any]:
    """Return an event's data for a picture: numbers unchanged, all else as printable text."""
    return {
        printable(key): value if _is_number(value) else printable(value, limit) for key, value in data.items()
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
