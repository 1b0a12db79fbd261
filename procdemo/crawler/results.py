"""The results of a crawl: what became of each page, reported once, and summed up at the end."""

import re
import time
from contextlib import ExitStack
from typing import Any

from procdemo.crawler.exchange import BUSY
from procdemo.crawler.fetch import Bounds, Page
from procdemo.crawler.frontier import Fate, Frontier
from procdemo.crawler.local_site import Site
from procdemo.crawler.origin import is_named_loopback
from procdemo.crawler.politeness import Politeness
from procdemo.crawler.urls import origin, resolve
from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.throttle import Throttle

STORY = {
    "page failed": "{url}: {why}; given up",
    "page again": "{url}: {why}; to be fetched again",
    "crawl-delay": "{site} asks for {asked:g} s between pages (Crawl-delay); the crawl keeps {kept:g} s{cut}",
    "no page": "{url}, where to begin, gave no page: {why}",
}
DETAIL = {"page": "{url}: status {status}, {bytes} bytes, by PID {worker_pid}: {title}"}
"""Sentences of any crawler."""

_PROGRESS_S = 0.05  # between two reports of progress
_ROWS = 20  # of the table of pages, unless everything is wanted
_OVERDUE_TRIES = 2  # a page that took too long twice is not tried a third time
_TYPED = re.compile(r"\s*https?://[^/\\]", re.IGNORECASE)  # in a link less would do: "http:/x", "http:\\x"
_BUSY_S = 1.0  # for how long a busy site is left alone at first, if it does not say for how long
_PAGES_OF_OURS, _MOST_PAGES = 8, 1000  # by default: of our documentation; of other sites


def web_address(word: str) -> str:
    """Return the URL that was typed, in normal form.

    Raises:
        CannotRunError: a word is no URL of a page; exit status 2.
    """
    url = resolve(word, "") if _TYPED.match(word) else None
    if url is None:
        hint = "http or https, a host, no user name: https://example.org/"
        raise CannotRunError(f"not an address of a web page: {word}", hint, exit_code=2)
    return url


def prepare(config: Any, stack: ExitStack, loop: SelectorLoop, emit: Emitter) -> tuple[Frontier, Bounds]:
    """Return where to begin and how far to go.

    A site of our own is started if no URL is given, or if ``--site`` is.

    Args:
        config: the settings of a crawler.
        stack: ends the site.
        loop: notices the end of the site.
        emit: where to report.

    Raises:
        CannotRunError: a URL is none, exit status 2; or the site does not start.
    """
    starts, ours = [web_address(url) for url in config.urls], set[str]()
    if config.site or not starts:
        latency = 0 if config.site else config.latency
        served = stack.enter_context(Site(config.context(), config.site, loop, emit, latency))
        starts.append(served.url)
        ours.add(origin(served.url))
    usual = _MOST_PAGES if config.urls or config.site else _PAGES_OF_OURS
    frontier = Frontier(starts, config.max_pages or usual)
    private = frontier.origins if config.allow_private else frozenset(ours)
    typed = frozenset(map(origin, filter(is_named_loopback, starts)))
    limits = (config.max_bytes, config.max_redirects, 2 * config.page_deadline, typed, config.max_delay)
    return frontier, Bounds(frontier.origins, private, frozenset(ours), *limits, time.time_ns())


class CrawlResults:
    """The pages of one crawl."""

    def __init__(self, frontier: Frontier, config: Any, emit: Emitter, ours: frozenset[str]) -> None:
        """Give out and settle the pages of `frontier`.

        Args:
            frontier: the pages of the crawl.
            config: the settings ``workers``, ``max_delay``, ``tries`` (how many workers may be killed while
                they have the same page, and how often a server may be too busy for it), and ``verbose``:
                whether the table has all pages, not only the first and those that failed.
            emit: where to report.
            ours: sites that we serve ourselves.
        """
        self._frontier = frontier
        self._tries = config.tries
        self._emit = emit
        self._everything = config.verbose > 0
        self._politeness = Politeness(frontier.waiting, config.max_delay, config.workers, ours)
        self._max_delay = config.max_delay
        self._busy: dict[str, int] = {}
        self._started, self._progress = time.monotonic(), Throttle(_PROGRESS_S)
        self._deaths: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._counts = {"retried": 0, "forbidden": 0, "bytes": 0}

    def next_page(self) -> tuple[str, bool] | None:
        """Return the first two arguments of `fetch`, None if no site may be asked for a page yet."""
        url = self._politeness.take()
        return None if url is None else (url, self._politeness.is_busy(url))

    def seconds_to_wait(self) -> float | None:
        """Return after how many seconds to call `next_page` again; None if something must happen first."""
        return self._politeness.seconds_to_wait()

    def record_page(self, page: Page, title: str, links: list[str]) -> None:
        """Settle a page that a worker has fetched, and queue its links; or queue it again."""
        if page.skip == "busy":
            self._politeness.hand_back(page.url)
            return
        asked = page.skip != "forbidden" or page.status > 0
        delay = page.crawl_delay if page.crawl_delay >= 0 else None
        if self._politeness.give_back(page.url, delay, asked=asked):
            kept, cut = min(page.crawl_delay, self._max_delay), self._cut(page.crawl_delay)
            self._emit.mark("crawl-delay", site=origin(page.url), asked=page.crawl_delay, kept=kept, cut=cut)
        if page.status in BUSY and not page.skip:
            self._record_busy(page)
            return
        if page.skip:
            self._counts["forbidden"] += page.skip == "forbidden"
            self._frontier.outside += page.skip == "outside"
            fate = Fate.SKIPPED
        else:
            fate = Fate.FAILED if page.why else Fate.DONE
        self._counts["bytes"] += page.size
        if page.status < 400:  # noqa: PLR2004 - what an error page links to is no part of the site
            self._frontier.add(links, page.final or page.url)
        self._settle(fate, page, title)

    def _record_busy(self, page: Page) -> None:
        """Leave the site of `page` alone for a while; queue the page again, or settle it at last."""
        times = self._busy[page.url] = self._busy.get(page.url, 0) + 1
        asked = page.retry_after if page.retry_after >= 0 else _BUSY_S * 2 ** (times - 1)
        pause = max(self._politeness.pause(url, asked) for url in {page.url, page.final or page.url})
        why = page.why or f"status {page.status}, the server is busy"
        if times < self._tries:
            said = f" and asks for {asked:.0f} s (Retry-After)" if page.retry_after >= 0 else ""
            self._retry(page.url, f"{why}{said}; left alone for {pause:g} s{self._cut(asked)}", page.pid)
            self._politeness.put_first(page.url)
        else:
            self._settle(Fate.FAILED, page._replace(why=f"{why}, {times} times" if times > 1 else why))

    def _cut(self, asked: float) -> str:
        return " (--max-delay)" if asked > self._max_delay else ""

    def record_failed(self, url: str, why: str, pid: int) -> None:
        """Settle a page that could not be used."""
        self._politeness.give_back(url)
        self._settle(Fate.FAILED, Page(url, why=why, pid=pid))

    def record_lost(self, url: str, pid: int, *, overdue: bool) -> None:
        """Settle a page whose worker was killed, or queue it again."""
        self._politeness.give_back(url)
        why = self._count_death(url, overdue=overdue)
        most = min(self._tries, _OVERDUE_TRIES) if overdue else self._tries
        if self._deaths[url] < most:
            self._retry(url, why, pid)
            self._frontier.waiting.append(url)  # at the end: others first
        else:
            why += f" {self._deaths[url]} times" if self._deaths[url] > 1 else ""
            self._settle(Fate.FAILED if overdue else Fate.LOST, Page(url, why=why, pid=pid))

    def record_retry(self, url: str, pid: int, *, overdue: bool) -> None:
        """Note that a page whose worker was killed is being fetched by another already."""
        self._retry(url, self._count_death(url, overdue=overdue), pid)

    def give_up(self, why: str) -> None:
        """Settle all pages that are open: no worker will fetch them any more."""
        for url in self._frontier.unsettled():
            self._settle(Fate.LOST, Page(url, why=why))

    def _count_death(self, url: str, *, overdue: bool) -> str:
        self._deaths[url] = self._deaths.get(url, 0) + 1
        return f"{'not there before its deadline, ' if overdue else ''}its worker was killed"

    def _retry(self, url: str, why: str, pid: int) -> None:
        self._counts["retried"] += 1
        self._emit.mark("page again", url=url, why=why, worker_pid=pid)

    def _settle(self, fate: Fate, page: Page, title: str = "") -> None:
        self._frontier.settle(page.url, fate, page.status, page.why)
        facts = {"status": page.status, "bytes": page.size, "worker_pid": page.pid, "title": title}
        if page.why:
            facts["why"] = page.why
        self._emit.mark("page", url=page.url, fate=fate.value, **facts)
        bad = fate in {Fate.FAILED, Fate.LOST}
        if bad:
            self._emit.mark("page failed", url=page.url, why=page.why)
        if bad or self._everything or len(self._rows) < _ROWS:
            self._rows.append({"page": page.url, **facts})
        if self._progress.take_turn() or not self._frontier.open:
            self._emit.count("pages", self._frontier.settled, total=self._frontier.known)

    def sum_up(self, **more: Any) -> None:
        """Report the tables and the summary, with `more` in it."""
        seconds = time.monotonic() - self._started
        for row in self._rows:
            self._emit.result("pages", **row)
        broken = self._frontier.broken()
        for link in broken:
            self._emit.result("broken links", **link)
        no_start = self._frontier.starts_without_page()
        for url, why in no_start:
            self._emit.mark("no page", url=url, why=why)
        account = self._frontier.account()
        missing = account["failed"] + account["lost"]
        answer = {}
        if no_start:
            answer = {"answer": "{} gave no page: {}".format(*no_start[0])}
        elif missing:
            answer = {"answer": f"{missing} of {account['produced']} pages could not be had."}
        self._emit.result(
            SUMMARY,
            ok=not answer,
            **answer,
            **account,
            **self._counts,
            outside=self._frontier.outside,
            left_out=self._frontier.left_out,
            broken=len(broken),
            seconds=seconds,
            pages_per_s=account["done"] / seconds,
            **more,
        )
