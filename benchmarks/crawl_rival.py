"""A crawler as one writes it by hand: Pool, urllib3, selectolax, a callback. No limits, no account.

    python benchmarks/crawl_rival.py URL WORKERS

Prints the number of pages and the seconds from the first task to the last result, as JSON.
"""

import json
import queue
import sys
import time
from multiprocessing import Pool
from urllib.parse import urljoin

import urllib3
from selectolax.lexbor import LexborHTMLParser

http = urllib3.PoolManager()  # each worker its own, with the connection kept open


def fetch(url: str) -> tuple[str, int, bytes]:
    """Get a page."""
    response = http.request("GET", url)
    return url, response.status, response.data


def crawl(start: str, workers: int) -> tuple[int, float]:
    """Get all pages below `start`; return how many, and in how many seconds."""
    results: queue.SimpleQueue[tuple[str, int, str, set[str]]] = queue.SimpleQueue()

    def parse(answer: tuple[str, int, bytes]) -> None:
        url, status, body = answer
        tree = LexborHTMLParser(body)
        title = tree.css_first("title")
        hrefs = {(a.attributes["href"] or "").partition("#")[0] for a in tree.css("a[href]")}
        links = {urljoin(url, href) for href in hrefs}
        results.put((url, status, title.text() if title else "", links if status == 200 else set()))  # noqa: PLR2004

    with Pool(workers) as pool:
        began = time.perf_counter()
        seen, pending = {start}, 1
        pool.apply_async(fetch, (start,), callback=parse)
        while pending:
            _, _, _, links = results.get()
            pending -= 1
            for link in links - seen:
                if link.startswith(start):
                    seen.add(link)
                    pending += 1
                    pool.apply_async(fetch, (link,), callback=parse)
        return len(seen), time.perf_counter() - began


if __name__ == "__main__":
    pages, seconds = crawl(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write(json.dumps({"pages": pages, "seconds": seconds}) + "\n")
