"""Get one page of the web, within limits: a worker's side of a crawler.

Redirects are followed by hand, and each hop is checked. Some things no limit in here can stop: a
header that arrives byte by byte, a name server that does not answer. They end when the parent kills
the worker.
"""

import os
import time
from typing import NamedTuple

from procdemo.crawler.encoding import as_utf8
from procdemo.crawler.frontier import origin, resolve
from procdemo.crawler.origin import Answer, NoPageError, Origin
from procdemo.crawler.parse_guard import TooCostlyError, check_parse_cost
from procdemo.crawler.robots import MAX_BYTES, obey_robots
from procdemo.demo.events import Emitter

_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = ("text/html", "application/xhtml+xml")


class Bounds(NamedTuple):
    """How far a crawler may go."""

    origins: frozenset[str]
    """Where it may go at all."""
    private: frozenset[str]
    """Which of them may be at an address that is not public."""
    trusted: frozenset[str]
    """Which of them mean no harm, so that it need not be checked what their pages cost to parse."""
    max_bytes: int
    max_redirects: int
    patience: float
    """Seconds of silence on a socket; the parent's deadline should come first."""


class Page(NamedTuple):
    """What a worker returns; of built-in types only, so that it can always be unpickled."""

    url: str
    """As asked for."""
    final: str = ""
    """Where it was found, after redirects."""
    status: int = 0
    """HTTP's; 0 without an answer."""
    size: int = 0
    """Bytes of the body."""
    html: bytes = b""
    """The body as UTF-8, if it is HTML."""
    why: str = ""
    """Why it cannot be had; empty if it can."""
    skip: str = ""
    """``forbidden`` or ``outside`` if it was not tried (any more) and nothing is wrong."""
    pid: int = 0
    ms: float = 0.0


def fetch(url: str, bounds: Bounds, emit: Emitter) -> Page:
    """Get the page `url`; if something goes wrong, the page that is returned says what: no exception."""
    emit.begin("fetch", url=url)
    before = time.monotonic()
    try:
        final, answer = _get_allowed(url, bounds)
        kind = answer.headers.get("Content-Type", _HTML[0])
        html = as_utf8(answer.body, kind) if kind.lower().startswith(_HTML) else b""
        if origin(final) not in bounds.trusted:
            check_parse_cost(html)
        page = Page(url, final, answer.status, len(answer.body), html)
    except NoPageError as error:
        page = Page(url, status=error.status, why=str(error), skip=error.skip)
    except TooCostlyError as error:
        page = Page(url, final, answer.status, len(answer.body), why=str(error))
    except Exception as error:  # noqa: BLE001 - the worker has other pages to fetch
        page = Page(url, why=f"{type(error).__name__}: {error}")
    ms = (time.monotonic() - before) * 1e3
    emit.end("fetch", status=page.status, bytes=page.size, ms=ms)
    return page._replace(pid=os.getpid(), ms=ms)


def _get_allowed(url: str, bounds: Bounds, *, robots: bool = True) -> tuple[str, Answer]:
    """Get `url` or what it redirects to; return where that was, and the answer."""
    status = 0
    for _ in range(bounds.max_redirects + 1):
        if origin(url) not in bounds.origins:
            raise NoPageError(f"leads to {url}, outside of what was named", status, "outside")
        server = _origin_of(url, bounds)
        if robots:
            obey_robots(server, url, lambda robots_url: _get_allowed(robots_url, bounds, robots=False)[1])
        answer = server.get(url, bounds.max_bytes if robots else MAX_BYTES, cut=not robots)
        status, location = answer.status, answer.headers.get("Location")
        if status not in _REDIRECTS or location is None:
            return url, answer
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
        target = resolve(location, url)
        if target is None:
            raise NoPageError(f"leads to {location}, which is no page of the web", status, "outside")
        url = target
    raise NoPageError(f"more than {bounds.max_redirects} redirects (--max-redirects)", status)


_origins: dict[str, Origin] = {}  # those that this process has been to


def _origin_of(url: str, bounds: Bounds) -> Origin:
    name = origin(url)
    if name not in _origins:
        _origins[name] = Origin(name, private_too=name in bounds.private, patience=bounds.patience)
    return _origins[name]
