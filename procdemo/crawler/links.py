"""What a page says: its title, and where it leads."""

from procdemo.crawler.fetch import Page
from procdemo.crawler.outline import Outline, read_outline, refreshed
from procdemo.crawler.urls import resolve


def title_and_links(page: Page) -> tuple[str, list[str]]:
    """Return the title of `page` and the pages it leads to, each once.

    A page leads on by ``<a>``, ``<area>``, ``<frame>``, ``<iframe>``, and ``<meta http-equiv=refresh>``
    or the header Refresh; and by a redirect that was not followed yet. It is parsed here, unless its worker
    had to do so, because it was large and of a stranger.
    """
    links = dict.fromkeys([page.moved, _resolve(refreshed(page.refresh), page.final, page)])
    outline = page.outline or (read_outline(page.html) if page.html else Outline())
    start = (outline.base and _resolve(outline.base, page.final, page)) or page.final
    hrefs: dict[str | None, None] = dict.fromkeys(outline.hrefs)
    if outline.base is None:  # a link to another place on the same page is none
        hrefs = dict.fromkeys(href.partition("#")[0] or None for href in outline.hrefs)
    links |= dict.fromkeys(_resolve(href, start, page) for href in hrefs)
    return outline.title, [link for link in links if link]


def _resolve(href: str | None, base: str, page: Page) -> str | None:
    return None if href is None else resolve(href, base, page.encoding)
