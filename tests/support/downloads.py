"""One page, fetched in this process as a worker of a crawl would."""

from procdemo.crawler import fetch as fetching
from procdemo.crawler.fetch import Bounds, fetch
from procdemo.demo.events import Emitter


def get(url, *more_origins, private=True, known_busy=True, emit=lambda _: None, **limits):
    """Return the page at `url`; it may also go to `more_origins`, and `limits` are of Bounds."""
    origins = frozenset({fetching.origin(url), *more_origins})
    limits = {"max_bytes": 1 << 20, "max_redirects": 5, "patience": 5.0, "trusted": frozenset()} | limits
    bounds = Bounds(origins=origins, private=origins if private else frozenset(), **limits)
    return fetch(url, known_busy, bounds, Emitter(emit))


def forget_origins():
    """Forget addresses and robots.txt of all servers."""
    fetching._origins.clear()
