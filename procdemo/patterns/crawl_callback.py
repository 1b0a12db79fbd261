"""Workers download, the callback in the parent parses.

What to watch:
  - apply_async() returns at once, and the workers download side by side
  - the callback of a page does not run in one more process. It runs in the
    parent's PID, in the Pool's result-handler thread
  - so a slow callback delays all others. In a plain Pool, one that raises
    ends that thread, and the program waits for ever

\b
  main --apply_async(fetch, url)--> worker-0 --HTTP--> site
       --apply_async(fetch, url)--> worker-1 --HTTP--> site
  main's result-handler thread: callback(page) parses; main queues the links

\b
Try:
  procdemo crawl-callback
  procdemo crawl-callback --workers 4 --raise-on 5
  procdemo crawl-callback --site /usr/share/doc/python3.11/html
  procdemo crawl-callback --cluster local

Never leaves the origins of the URLs given. Private addresses need --allow-private, except a URL at this
host. Follows <a>, <area>, frames and refreshes. Obeys robots.txt; Crawl-delay and Retry-After up to
--max-delay. An error status is an answer, and a broken link; after 429 and 503 it asks again. The exit
status is 1 if a page could not be had or used. If a page is not there in --page-deadline, its worker is
killed, and it is tried once more (--cluster: as any lost page). A large page of another site can be made
to take a parser minutes, so its worker reads the links in it. Compare with: pool-server.
"""

import os
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from procdemo import cluster
from procdemo.crawler import local_site, results
from procdemo.crawler.fetch import Page, fetch
from procdemo.crawler.links import title_and_links
from procdemo.crawler.results import CrawlResults, prepare
from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, ClusterSettings, HelpGroup, LimitArg, TimeArg, usable_cpus
from procdemo.demo.states import Activity
from procdemo.pools import resilient_pool
from procdemo.pools.resilient_pool import PoolSettings, ResilientPool, Task
from procdemo.process.selector_loop import SelectorLoop

BLOCKS = (resilient_pool, local_site, results, cluster)
STORY = {
    "parsed": "callback: {links} links on {path}, from PID {worker_pid}",
    "counts": "produced {produced} = done {done} + failed {failed} + lost {lost} + skipped {skipped}; "
    "broken links {broken}",
    "summary": "All callbacks ran in main (PID {callback_pid}), {callback_threads}.",
}
DETAIL_TABLES = ("pages",)
DETAIL = {
    "serving": local_site.STORY["serving"],
    "fetch.begin": "gets {url}",
    "fetch.end": "status {status}, {bytes} bytes in {ms:.1f} ms",
}
_AHEAD = 8  # pages that wait where a worker can take them at once
THREADS = ("main",)
LANES = {"@main": Activity.WAITS, "@worker": Activity.WAITS, "@site": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PoolSettings, ClusterSettings):
    """Settings of `run`."""

    urls: Annotated[tuple[str, ...], Arg("Where to begin.", positional=True, metavar="[URL]...")] = ()
    workers: Annotated[int, Arg("Processes in the pool.", min=1, max=1000, short="-n")] = usable_cpus()
    site: Annotated[Path | None, Arg("Serve this folder, and crawl it.", metavar="DIR")] = None
    max_pages: Annotated[int | None, Arg("Most pages. Default: 8 of our site, else 1000.", min=1)] = None
    latency: Annotated[float, TimeArg("Time that our site needs for a page.", min=0)] = 0.4
    max_bytes: Annotated[int, LimitArg("Most bytes of one page.", min=1)] = 4 << 20
    max_redirects: Annotated[int, LimitArg("Most redirects for one page.", min=0)] = 5
    page_deadline: Annotated[
        float, TimeArg("Longest download of a page.", group=HelpGroup.LIMITS, min=0.01)
    ] = 10.0
    tries: Annotated[int, LimitArg("Tries for a page, if its worker dies or its server is busy.", min=1)] = 3
    max_delay: Annotated[
        float, LimitArg("Longest pause that a site may ask for.", min=0, metavar="SECONDS")
    ] = 10.0
    allow_private: Annotated[bool, LimitArg("Also crawl hosts at private addresses.")] = False
    raise_on: Annotated[int, Arg("The callback raises on this page; 0 for none.", min=0)] = 0


def run(config: Config, emit: Emitter) -> None:  # noqa: C901 - four small callbacks, told in one piece
    """Keep the workers busy with the pages that wait in the frontier, until each page has its fate."""
    threads: list[str] = []
    found: dict[str, tuple[Page, str, list[str]]] = {}

    def parse(page: Page) -> None:  # the callback; the Pool calls it in a thread of its own
        threads.append(threading.current_thread().name)
        if len(threads) == config.raise_on:
            raise ValueError(f"--raise-on {config.raise_on}")
        title, links = title_and_links(page)
        if not page.why:
            path = urlsplit(page.url).path
            emit.mark(
                "parsed", url=page.url, path=path, links=len(links), worker_pid=page.pid, thread=threads[-1]
            )
        found.setdefault(page.url, (page, title, links))  # main takes it from here

    def submit_pages() -> None:
        while pool.idle > -_AHEAD and (page := pages.next_page()):  # None if a site wants a pause
            pool.apply_async(fetch, page, callback=parse)

    def on_done(task: Task) -> None:
        if task.error:
            pages.record_failed(task.args[0], f"the callback raised {task.error}", task.pid)
        else:
            pages.record_page(*found.pop(task.args[0]))

    def on_lost(task: Task) -> None:
        if task.args[0] in found:  # its worker was killed right after it
            on_done(task)
        else:
            pages.record_lost(task.args[0], task.pid, overdue=task.overdue)

    cluster.check(config)
    loop = SelectorLoop()
    with ExitStack() as stack:
        frontier, bounds = prepare(config, stack, loop, emit)
        pages = CrawlResults(frontier, config, emit, bounds.trusted)
        make_pool = partial(ResilientPool, config.context(), config.workers)
        if config.cluster:  # workers on other hosts: submit() and add_done_callback()
            make_pool = partial(cluster.load("pool").ClusterPool, config, pages)
        pool = make_pool(
            emit, loop, extra_args=(bounds,), on_done=on_done, on_lost=on_lost, on_idle=submit_pages
        )
        while frontier.open:
            waits = pool.kill_overdue(config.page_deadline), pages.seconds_to_wait()
            loop.run_once(min((seconds for seconds in waits if seconds is not None), default=None))
            submit_pages()
        pool.terminate()
    pages.sum_up(callback_pid=os.getpid(), callback_threads=f"thread {', '.join(sorted(set(threads)))}")
