"""Get one page of the web, within limits: a worker's side of a crawler.

Redirects are followed by hand, and each hop is checked. Some things no limit in here can stop: a
header that arrives byte by byte, a name server that does not answer. They end when the parent kills
the worker. What a site asks for between two requests is the parent's to obey (`Politeness`), because
other workers ask the same site.
"""

import os
import time
from typing import NamedTuple

from procdemo.crawler.encoding import as_utf8, media_type
from procdemo.crawler.exchange import BUSY, Answer, NoPageError
from procdemo.crawler.origin import Origin
from procdemo.crawler.outline import Outline
from procdemo.crawler.parse_guard import TooCostlyError, is_harmless, read_guarded
from procdemo.crawler.robots import MAX_BYTES, obey_robots
from procdemo.crawler.urls import origin, resolve
from procdemo.demo.events import Emitter

_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = {"", "text/html", "application/xhtml+xml"}  # a page without a valid type is taken for HTML


class Bounds(NamedTuple):
    """How far a crawler may go."""

    origins: frozenset[str]
    """Where it may go at all."""
    private: frozenset[str]
    """Which of them may be at an address that is not public."""
    trusted: frozenset[str]
    """Which of them mean no harm, so that the parent may parse their pages whatever they are."""
    max_bytes: int
    max_redirects: int
    patience: float
    """Seconds of silence on a socket; the parent's deadline should come first."""
    loopback: frozenset[str] = frozenset()
    """Which origins may be at an address of this host."""
    max_delay: float = 0.0
    """Seconds up to which a Crawl-delay is obeyed."""
    began_ns: int = 0
    """When the crawl began: a worker of a cluster has others, and must not mix up what it knows from them."""


class Page(NamedTuple):
    """What a worker returns; of the plainest types, so that it can always be unpickled."""

    url: str
    """As asked for."""
    final: str = ""
    """Where it was found, after redirects."""
    status: int = 0
    """HTTP's; 0 without an answer."""
    size: int = 0
    """Bytes of the body."""
    html: bytes = b""
    """The body as UTF-8, if it is HTML, and is to be parsed by the parent."""
    outline: Outline | None = None
    """What the worker has found in it, if it was large and of a stranger: see `parse_guard`."""
    encoding: str = "utf-8"
    """The encoding that it had."""
    why: str = ""
    """Why it cannot be had; empty if it can."""
    skip: str = ""
    """``forbidden`` or ``outside`` if it was not tried (any more) and nothing is wrong; ``busy``: not now."""
    refresh: str = ""
    """The header Refresh, which leads on as ``<meta http-equiv=refresh>`` does."""
    moved: str = ""
    """Where it redirects to, if that may not be asked for at once."""
    crawl_delay: float = -1.0
    """Seconds between two pages that the robots.txt of its origin asks for; -1 if it is not known."""
    retry_after: float = -1.0
    """Seconds after which its server wants to be asked again; -1 if it has not said so."""
    pid: int = 0
    ms: float = 0.0


def fetch(url: str, known_busy: bool, bounds: Bounds, emit: Emitter) -> Page:
    """Get the page `url`; if something goes wrong, the page that is returned says what: no exception.

    Args:
        url: the page.
        known_busy: whether the parent knows that its site has been busy. If only this worker knows that,
            it does not ask: the parent has still to learn for how long the site is to be left alone.
        bounds: how far to go.
        emit: where to report.
    """
    server = _origins.get((bounds, origin(url)))
    if server and server.busy and not known_busy:
        return Page(url, why="its site is busy", skip="busy", pid=os.getpid())
    emit.begin("fetch", url=url)
    before = time.monotonic()
    try:
        final, answer, moved = _get_allowed(url, bounds)
        kind, charset = media_type(answer.headers.get("content-type", ""))
        html, encoding = as_utf8(answer.body, charset) if kind in _HTML else (b"", "")
        page = Page(url, final, answer.status, len(answer.body), moved=moved, retry_after=answer.retry_after)
        page = page._replace(refresh=answer.headers.get("refresh", ""), encoding=encoding)
        if origin(final) in bounds.trusted or is_harmless(html):
            page = page._replace(html=html)
        else:
            page = page._replace(outline=read_guarded(html))
    except NoPageError as error:
        why, skip = str(error), error.skip
        page = Page(url, status=error.status, why=why, skip=skip, retry_after=error.retry_after)
    except TooCostlyError as error:
        page = page._replace(why=str(error))
    except Exception as error:  # noqa: BLE001 - the worker has other pages to fetch
        page = Page(url, why=f"{type(error).__name__}: {error}")
    ms = (time.monotonic() - before) * 1e3
    emit.end("fetch", status=page.status, bytes=page.size, ms=ms)
    server = _origins.get((bounds, origin(url)))
    if server and page.status in BUSY:  # as its parent sees it: also if that is no page, or of another origin
        server.busy = True
    return page._replace(pid=os.getpid(), ms=ms, crawl_delay=server.crawl_delay if server else -1.0)


def _get_allowed(url: str, bounds: Bounds, *, robots: bool = True) -> tuple[str, Answer, str]:
    """Get `url` or what it redirects to.

    Returns:
        where that was, the answer, and, if it is a redirect that may not be followed at once,
        because a site wants time between two requests, where this leads to.
    """
    status, delay = 0, 0.0
    before: tuple[str, Answer] | None = None
    for _ in range(bounds.max_redirects + 1):
        if origin(url) not in bounds.origins:
            raise NoPageError(f"leads to {url}, outside of what was named", status, "outside")
        server = _origin_of(url, bounds)
        if robots:
            try:
                obey_robots(server, url, lambda robots_url: _get_allowed(robots_url, bounds, robots=False)[1])
            except NoPageError as error:
                error.status = error.status or status  # of the redirect that led here
                raise
            if before and bounds.max_delay and max(server.crawl_delay, delay) > 0:
                return *before, url
        answer = server.get(url, bounds.max_bytes if robots else MAX_BYTES, cut=not robots)
        status, location = answer.status, answer.headers.get("location")
        if status not in _REDIRECTS or location is None:
            return url, answer, ""
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
        target = resolve(location, url)
        if target is None:
            raise NoPageError(f"leads to {location}, which is no page of the web", status, "outside")
        before, delay, url = (url, answer), server.crawl_delay, target
    raise NoPageError(f"more than {bounds.max_redirects} redirects (--max-redirects)", status)


_origins: dict[tuple[Bounds, str], Origin] = {}  # those that this process has been to


def _origin_of(url: str, bounds: Bounds) -> Origin:
    name = origin(url)
    key = bounds, name
    if key not in _origins:
        allowed = {"private_too": name in bounds.private, "loopback_too": name in bounds.loopback}
        _origins[key] = Origin(name, **allowed, patience=bounds.patience)
    return _origins[key]
