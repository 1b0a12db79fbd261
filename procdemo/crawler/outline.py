"""What of a page matters to a crawler: its title, and what it says of where it leads."""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

_LEADING = {"area": "href", "frame": "src", "iframe": "src"}
_OTHERS = "area[href], frame[src], iframe[src], meta[http-equiv][content]"  # rare; <a> alone is found sooner
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
    base = tree.css_first("base[href]")
    hrefs: dict[str | None, None] = dict.fromkeys(
        link.attributes["href"] or "" for link in tree.css("a[href]")
    )
    hrefs |= dict.fromkeys(map(_href, tree.css(_OTHERS)))
    hrefs.pop(None, None)
    return Outline(
        " ".join(title.text().split()) if title else "",
        None if base is None else base.attributes["href"] or "",
        tuple(hrefs),  # type: ignore[arg-type] # None is no key of it any more
    )


def _href(element: LexborNode) -> str | None:
    """Return what an element leads to, as it is written."""
    attributes = element.attributes
    if element.tag in _LEADING:
        return attributes[_LEADING[element.tag]] or ""
    refreshes = (attributes["http-equiv"] or "").lower() == "refresh"
    return refreshed(attributes["content"] or "") if refreshes else None


def refreshed(content: str) -> str | None:
    """Return what a refresh leads to; None if it is none, or of the same page."""
    refresh = _REFRESH.match(content)
    start = _REFRESH_URL.match(content, refresh.end()) if refresh else None
    if start is None:
        return None
    url = content[start.end() :]
    return (url.partition(start[1])[0] if start[1] else url) or None
