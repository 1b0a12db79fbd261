"""What a page says: its title, and where it leads."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from procdemo.crawler.fetch import Page
from procdemo.crawler.urls import resolve

_LEADING = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
_SELECTOR = ", ".join([*(f"{tag}[{name}]" for tag, name in _LEADING.items()), "meta[http-equiv][content]"])
_SPACE = "\t\n\f\r "
# HTML Standard, 4.2.5.3, "shared declarative refresh steps"
_REFRESH = re.compile(
    rf"[{_SPACE}]*(?:[0-9]|(?=\.))[0-9.]*(?![^;,{_SPACE}])[{_SPACE}]*[;,]?[{_SPACE}]*", re.ASCII
)
_REFRESH_URL = re.compile(rf"(?:url[{_SPACE}]*=[{_SPACE}]*)?(['\"]?)", re.IGNORECASE)


def title_and_links(page: Page) -> tuple[str, list[str]]:
    """Return the title of `page` and the pages it leads to, each once and in their order.

    A page leads on by ``<a>``, ``<area>``, ``<frame>``, ``<iframe>`` and ``<meta http-equiv=refresh>``,
    and by a redirect that was not followed yet.
    """
    moved = [page.moved] if page.moved else []
    if not page.html:
        return "", moved
    tree = LexborHTMLParser(page.html)
    title = tree.css_first("title")
    base = tree.css_first("base[href]") if b"<base" in page.html.lower() else None
    start = (resolve(base.attributes["href"] or "", page.final) if base else None) or page.final
    hrefs = dict.fromkeys(
        href if base else href.partition("#")[0] for href in map(_href, tree.css(_SELECTOR))
    )
    links = dict.fromkeys(resolve(href, start, page.encoding) for href in hrefs if href or base)
    found = [*moved, *(link for link in links if link)]
    return " ".join(title.text().split()) if title else "", found


def _href(element: LexborNode) -> str:
    """Return what an element leads to, as it is written; empty if nowhere else."""
    attributes = element.attributes
    if element.tag in _LEADING:
        return attributes[_LEADING[element.tag]] or ""
    content = attributes["content"] or ""
    refresh = _REFRESH.match(content)
    if (attributes["http-equiv"] or "").lower() != "refresh" or not refresh:
        return ""
    start = _REFRESH_URL.match(content, refresh.end())
    url = content[start.end() :] if start else ""
    return url.partition(start[1])[0] if start and start[1] else url
