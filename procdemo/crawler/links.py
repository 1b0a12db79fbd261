"""What a page says: its title, and where it leads."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from procdemo.crawler.fetch import Page
from procdemo.crawler.urls import resolve

_LEADING = {"area": "href", "frame": "src", "iframe": "src"}
_OTHERS = "area[href], frame[src], iframe[src], meta[http-equiv][content]"  # rare; <a> alone is found sooner
_SPACE = "\t\n\f\r "
# HTML Standard, 4.2.5.3, "shared declarative refresh steps"
_REFRESH = re.compile(
    rf"[{_SPACE}]*(?:[0-9]|(?=\.))[0-9.]*(?![^;,{_SPACE}])[{_SPACE}]*[;,]?[{_SPACE}]*", re.ASCII
)
_REFRESH_URL = re.compile(rf"(?:url[{_SPACE}]*=[{_SPACE}]*)?(['\"]?)", re.IGNORECASE)


def title_and_links(page: Page) -> tuple[str, list[str]]:
    """Return the title of `page` and the pages it leads to, each once.

    A page leads on by ``<a>``, ``<area>``, ``<frame>``, ``<iframe>``, and ``<meta http-equiv=refresh>``
    or the header Refresh; and by a redirect that was not followed yet.
    """
    links = dict.fromkeys([page.moved, _resolve(_refreshed(page.refresh), page.final, page)])
    title = None
    if page.html:
        tree = LexborHTMLParser(page.html)
        title = tree.css_first("title")
        base = tree.css_first("base[href]")
        start = (base and _resolve(base.attributes["href"], page.final, page)) or page.final
        hrefs: dict[str | None, None] = dict.fromkeys(
            link.attributes["href"] or "" for link in tree.css("a[href]")
        )
        hrefs |= dict.fromkeys(map(_href, tree.css(_OTHERS)))
        if base is None:  # a link to another place on the same page is none
            hrefs = dict.fromkeys((href or "").partition("#")[0] or None for href in hrefs)
        links |= dict.fromkeys(_resolve(href, start, page) for href in hrefs)
    return " ".join(title.text().split()) if title else "", [link for link in links if link]


def _resolve(href: str | None, base: str, page: Page) -> str | None:
    return None if href is None else resolve(href, base, page.encoding)


def _href(element: LexborNode) -> str | None:
    """Return what an element leads to, as it is written."""
    attributes = element.attributes
    if element.tag in _LEADING:
        return attributes[_LEADING[element.tag]] or ""
    refreshes = (attributes["http-equiv"] or "").lower() == "refresh"
    return _refreshed(attributes["content"] or "") if refreshes else None


def _refreshed(content: str) -> str | None:
    """Return what a refresh leads to; None if it is none, or of the same page."""
    refresh = _REFRESH.match(content)
    start = _REFRESH_URL.match(content, refresh.end()) if refresh else None
    if start is None:
        return None
    url = content[start.end() :]
    return (url.partition(start[1])[0] if start[1] else url) or None
