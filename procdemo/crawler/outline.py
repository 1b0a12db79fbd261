"""What of a page matters to a crawler: its title, and what it says of where it leads."""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

_LEADING = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
# All in one walk through the tree, which takes a fifth of the time of parsing.
_WANTED = "a[href], area[href], base[href], frame[src], iframe[src], meta[http-equiv][content]"
_SPACE = "\t\n\f\r "
# HTML Standard, 4.2.5.3, "shared declarative refresh steps"
_REFRESH = re.compile(
    rf"[{_SPACE}]*(?:[0-9]|(?=\.))[0-9.]*(?![^;,{_SPACE}])[{_SPACE}]*[;,]?[{_SPACE}]*", re.ASCII
)
_REFRESH_URL = re.compile(rf"(?:url[{_SPACE}]*=[{_SPACE}]*)?(['\"]?)", re.IGNORECASE)


class Outline(NamedTuple):
    """A page, once it is parsed; all is as it was written, and nothing is a URL yet."""

    title: str = ""
    base: str | None = None
    """What the links start from; None if the page says nothing of that."""
    hrefs: tuple[str, ...] = ()
    """Where it leads, each once, by ``<a>``, ``<area>``, ``<frame>``, ``<iframe>``, and refreshes."""


def read_outline(html: bytes) -> Outline:
    """Parse a page (UTF-8)."""
    tree = LexborHTMLParser(html)
    title = tree.css_first("title")
    base: str | None = None
    hrefs: dict[str, None] = {}  # in the order of the page
    for element in tree.css(_WANTED):
        tag, attributes = element.tag, element.attributes
        if tag in _LEADING:
            hrefs[attributes[_LEADING[tag]] or ""] = None
        elif tag == "base":
            base = attributes["href"] or "" if base is None else base
        elif (attributes["http-equiv"] or "").lower() == "refresh" and (
            href := refreshed(attributes["content"] or "")
        ):
            hrefs[href] = None
    return Outline(" ".join(title.text().split()) if title else "", base, tuple(hrefs))


def refreshed(content: str) -> str | None:
    """Return what a refresh leads to; None if it is none, or of the same page."""
    refresh = _REFRESH.match(content)
    start = _REFRESH_URL.match(content, refresh.end()) if refresh else None
    if start is None:
        return None
    url = content[start.end() :]
    return (url.partition(start[1])[0] if start[1] else url) or None
