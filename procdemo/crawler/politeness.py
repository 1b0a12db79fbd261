"""When a site may be asked for its next page: the parent's side, because all workers ask the same site.

A *site* is an origin. Until its robots.txt has been read, by the worker that fetches the first page,
it is asked for one page at a time; from then on for as many as there are workers, unless it wants
time between two pages (Crawl-delay), or has said that it is busy (429, 503). As many more wait in the
pool, so that no worker waits for its next page. A worker that has heard that a site is busy does not ask
it for such a page, but hands it back (`procdemo.crawler.fetch`); of another worker it may be the last one.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from procdemo.crawler.urls import origin


@dataclass(slots=True)
class _Site:
    most: float  # pages in the pool
    held: deque[str] = field(default_factory=deque)  # pages that may not be asked for yet
    asked: set[str] = field(default_factory=set)  # pages that are in the pool now
    known: bool = False  # whether its robots.txt has been read
    busy: bool = False  # whether it has ever said so
    wanted: float = 0.0  # seconds between two pages, as its robots.txt has it
    delay: float = 0.0  # as it is obeyed
    not_before: float = 0.0  # on the clock


class Politeness:
    """Gives out the pages that wait, each when its site may be asked for it."""

    def __init__(
        self,
        waiting: deque[str],
        max_delay: float,
        workers: int,
        ours: Collection[str] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Give out the pages of `waiting`.

        Args:
            waiting: URLs; others may be added at any time.
            max_delay: no site is left alone for longer, whatever it wants; in seconds.
            workers: how many pages a site is asked for at the same time, at most; as many more may wait
                in the pool.
            ours: sites that are never busy, so that any number of their pages may wait in the pool.
            clock: returns the time in seconds; None for `time.monotonic`.
        """
        self._waiting = waiting
        self._max_delay = max_delay
        self._workers = workers
        self._ours = frozenset(ours)
        self._clock = clock or time.monotonic
        self._sites: dict[str, _Site] = {}
        self._soonest: float | None = None  # when a page that is held may be asked for

    def take(self) -> str | None:
        """Return a page to ask for now, None if there is none; `give_back` must follow."""
        now = self._clock()
        for site in self._sites.values():
            if site.held and self._is_free(site, now):
                return self._ask(site, site.held.popleft())
        while self._waiting:
            url = self._waiting.popleft()
            site = self._site(url)
            if not site.held and self._is_free(site, now):
                return self._ask(site, url)
            site.held.append(url)
        times = [site.not_before for site in self._sites.values() if site.held and site.not_before > now]
        self._soonest = min(times, default=None)
        return None

    def seconds_to_wait(self) -> float | None:
        """Return after how many seconds `take` may have a page; None if waiting alone does not help."""
        if self._soonest is None:
            return None
        left = self._soonest - self._clock()
        if left <= 0:
            self._soonest = None
        return max(0.0, left)

    def give_back(self, url: str, delay: float | None = None, *, asked: bool = True) -> bool:
        """Note that a worker has ended its work on the page `url`, whatever came of it.

        Args:
            url: the page.
            delay: the seconds between two pages that its site wants; None if that is not known.
            asked: whether the site was asked for the page; not if its robots.txt forbids it.

        Returns:
            whether this delay is new.
        """
        site = self._site(url)
        site.asked.discard(url)
        new = False
        if delay is not None:
            site.known = True
            new = delay > site.wanted
            site.wanted = max(site.wanted, delay)
            site.delay = min(site.wanted, self._max_delay)
        if site.delay and asked:
            site.not_before = max(site.not_before, self._clock() + site.delay)
        return new

    def pause(self, url: str, seconds: float) -> float:
        """Leave the site of `url` alone, because it is busy; from then on it is asked for one page at a time.

        Returns:
            for how many seconds.
        """
        site = self._site(url)
        seconds = min(seconds, self._max_delay)
        site.not_before = max(site.not_before, self._clock() + seconds)
        site.busy = True
        return seconds

    def is_busy(self, url: str) -> bool:
        """Return whether the site of `url` has ever said that it is busy."""
        return self._site(url).busy

    def hand_back(self, url: str) -> None:
        """Take back a page that a worker did not ask for, because it has heard that the site is busy.

        From then on that is known here, too, so that the worker asks for it the next time.
        """
        self.give_back(url, asked=False)
        self._site(url).busy = True
        self.put_first(url)

    def put_first(self, url: str) -> None:
        """Let `url` be the next page that its site is asked for."""
        self._site(url).held.appendleft(url)

    def _site(self, url: str) -> _Site:
        name = origin(url)
        if name not in self._sites:
            self._sites[name] = _Site(most=math.inf if name in self._ours else 2 * self._workers)
        return self._sites[name]

    def _ask(self, site: _Site, url: str) -> str:
        site.asked.add(url)
        return url

    def _is_free(self, site: _Site, now: float) -> bool:
        most = 1 if site.busy or site.delay or not site.known else site.most
        return site.not_before <= now and len(site.asked) < most
