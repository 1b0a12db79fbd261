"""What a crawler knows of the web: which pages are known, which wait, what became of each.

A *frontier* is a crawler's list of pages that it knows and has not fetched yet. This one holds
only pages of the *origins* it was started with (scheme, host and port; RFC 6454).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from procdemo.crawler.exchange import BUSY
from procdemo.crawler.urls import origin


class Fate(StrEnum):
    """What became of a page; each has exactly one."""

    DONE = "done"  # there was an answer, whatever its status
    FAILED = "failed"  # no answer, or none that could be used
    LOST = "lost"  # its worker was killed each time
    SKIPPED = "skipped"  # forbidden by robots.txt, or it led away


@dataclass(slots=True)
class _Entry:
    found_on: str
    links: int = 1
    fate: Fate | None = None
    status: int = 0
    why: str = ""


class Frontier:
    """All pages known, and the account of them."""

    def __init__(self, starts: Iterable[str], most: int) -> None:
        """Begin with the pages `starts`; know `most` pages at most."""
        self.waiting: deque[str] = deque()
        """Pages to fetch next; a page that was taken out may be put back, to be tried again."""
        self.outside = 0
        """How many links lead away from the origins; equal links on one page count once."""
        self.left_out = 0
        """How many links `most` kept out; equal links on one page count once."""
        self.settled = 0
        """How many pages have a fate."""
        self._most = most
        self._entries: dict[str, _Entry] = {}
        self._starts = list(dict.fromkeys(starts))
        self.origins = frozenset(map(origin, self._starts))
        self.add(self._starts, "")

    @property
    def known(self) -> int:
        """How many pages are known."""
        return len(self._entries)

    @property
    def open(self) -> int:
        """How many pages have no fate yet."""
        return self.known - self.settled

    def add(self, links: Iterable[str], found_on: str) -> int:
        """Queue those of `links` that are new; return how many were."""
        before = len(self._entries)
        for url in links:
            if (entry := self._entries.get(url)) is not None:
                entry.links += 1
            elif origin(url) not in self.origins:
                self.outside += 1
            elif len(self._entries) >= self._most:
                self.left_out += 1
            else:
                self._entries[url] = _Entry(found_on)
                self.waiting.append(url)
        return len(self._entries) - before

    def settle(self, url: str, fate: Fate, status: int, why: str = "") -> None:
        """Note what became of `url`.

        Raises:
            ValueError: it has a fate already.
        """
        entry = self._entries[url]
        if entry.fate is not None:
            raise ValueError(f"{url} was {entry.fate} already")
        entry.fate, entry.status, entry.why = fate, status, why
        self.settled += 1

    def unsettled(self) -> list[str]:
        """Return the pages that have no fate yet."""
        return [url for url, entry in self._entries.items() if entry.fate is None]

    def account(self) -> dict[str, int]:
        """Return how many pages were queued, and how many had each fate."""
        fates = [entry.fate for entry in self._entries.values()]
        return {"produced": len(fates), **{fate.value: fates.count(fate) for fate in Fate}}

    def broken(self) -> list[dict[str, object]]:
        """Return the links that lead to an error, where each was found first, and how many there are."""
        return [
            {"link": url, "status": entry.status, "on_page": entry.found_on, "links": entry.links}
            for url, entry in self._entries.items()
            if entry.status >= 400 and entry.status not in BUSY  # noqa: PLR2004 - HTTP's errors
        ]

    def starts_without_page(self) -> list[tuple[str, str]]:
        """Return the pages to begin with that could not be had, each with the reason."""
        entries = [(url, self._entries[url]) for url in self._starts if url in self._entries]
        return [
            (url, entry.why or f"status {entry.status}")
            for url, entry in entries
            if entry.fate != Fate.DONE or entry.status >= 400  # noqa: PLR2004
        ]
