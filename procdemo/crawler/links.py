"""What a page says: its title, and where it leads."""

from selectolax.lexbor import LexborHTMLParser

from procdemo.crawler.fetch import Page
from procdemo.crawler.frontier import resolve


def title_and_links(page: Page) -> tuple[str, list[str]]:
    """Return the title of `page` and the pages it links to, each once and in their order."""
    if not page.html:
        return "", []
    tree = LexborHTMLParser(page.html)
    title = tree.css_first("title")
    base = tree.css_first("base[href]") if b"<base" in page.html.lower() else None
    start = (resolve(base.attributes["href"] or "", page.final) if base else None) or page.final
    hrefs = dict.fromkeys((link.attributes["href"] or "").partition("#")[0] for link in tree.css("a[href]"))
    links = dict.fromkeys(resolve(href, start) for href in hrefs if href)
    return " ".join(title.text().split()) if title else "", [link for link in links if link]
