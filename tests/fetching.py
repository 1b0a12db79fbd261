"""Get one page in this process, with limits."""

from procdemo import fetch as fetching
from procdemo.events import Emitter
from procdemo.fetch import Bounds, fetch


def forget_connections():
    """Close what this process, as a worker does, has kept open for the next page."""
    for place in fetching._places.values():
        for pool in place._pools:
            pool.close()
    fetching._places.clear()


def get(url, *more_origins, private=True, emit=lambda _: None, **limits):
    origins = frozenset({fetching.origin(url), *more_origins})
    limits = {"max_bytes": 1 << 20, "max_redirects": 5, "patience": 5.0} | limits
    bounds = Bounds(
        origins=origins, private=origins if private else frozenset(), trusted=frozenset(), **limits
    )
    return fetch(url, bounds, Emitter(emit))
