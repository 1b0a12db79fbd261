"""A crawl does what a site asks for: Crawl-delay, Retry-After, 429 and 503; and says so."""

import time
from collections import Counter

import pytest
from crawls import fate_of, finished, hub
from harness import run
from web import Web, answer, page, redirect

BUSY = ["429 Too Many Requests", "503 Service Unavailable"]
both = pytest.mark.parametrize("status", [BUSY[0], pytest.param(BUSY[1], marks=pytest.mark.thorough)])


def robots(rules):
    return answer(f"User-agent: *\n{rules}\n", Content_Type="text/plain")


class Noted(dict):
    """Pages, and when each was asked for; robots.txt aside."""

    def __init__(self, pages):
        super().__init__({path: self._noting(what) for path, what in pages.items()})
        self.times = []

    def _noting(self, what):
        def send(conn, closing):
            self.times.append(time.monotonic())
            conn.sendall(what)

        return send

    def gaps(self):
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


def test_a_crawl_delay_is_kept_by_all_workers_together_and_said():
    pages = Noted({**hub(3), "/": page("hub", ["/0", "/1", "/2", "/away"]), "/away": redirect("/0")})
    with Web(pages, robots("Crawl-delay: 0.2")) as web:
        result = finished(web.url, f"{web.url}1", "--workers", "3")
        assert web.asked["/0"] == 1
    assert len(pages.times) == result.summary["done"] == 5
    assert min(pages.gaps()) >= 0.2
    (said,) = result.named("crawl-delay")
    assert said.data == {"site": web.origin, "asked": 0.2, "kept": 0.2, "cut": ""}


def test_a_crawl_delay_that_is_too_long_is_cut_and_said_on_the_screen():
    with Web(hub(2), robots("Crawl-delay: 3600")) as web:
        result = run("crawl-callback", web.url, "--max-delay", "0.1").assert_clean()
    assert f"{web.origin} asks for 3600 s between pages (Crawl-delay)" in " ".join(result.stdout.split())
    assert "the crawl keeps 0.1 s (--max-delay)" in " ".join(result.stdout.split())


class BusyAtFirst:
    """A page whose server is busy for the first `times` requests."""

    def __init__(self, status, times, **headers):
        self.busy, self.times = answer("<a href=/never>x</a>", status, **headers), times

    def __call__(self, conn, _closing):
        self.times -= 1
        conn.sendall(self.busy if self.times >= 0 else page("at last"))


@both
def test_a_busy_server_is_asked_again_and_that_is_no_broken_link(status):
    busy = BusyAtFirst(status, 2, Retry_After="3600")
    with Web(hub(4, **{"/2": busy})) as web:
        result = finished(web.url, "--max-delay", "0.1")
        assert (web.asked["/2"], web.asked["/never"]) == (3, 0)
    assert fate_of(result, f"{web.url}2")["title"] == "at last"
    assert (result.summary["done"], result.summary["retried"], result.summary["broken"]) == (5, 2, 0)
    why = f"status {status[:3]}, the server is busy and asks for 3600 s (Retry-After)"
    why += "; left alone for 0.1 s (--max-delay)"
    assert [event.data["why"] for event in result.named("page again")] == [why, why]


@both
def test_a_server_that_stays_busy_is_a_failure_by_name(status):
    with Web(hub(4, **{"/2": answer("", status)})) as web:
        result = finished(web.url, "--max-delay", "0.1", status=1)
        assert web.asked["/2"] == 3
    assert (result.summary["done"], result.summary["failed"], result.summary["broken"]) == (4, 1, 0)
    assert fate_of(result, f"{web.url}2")["why"] == f"status {status[:3]}, the server is busy, 3 times"


def test_a_busy_site_is_left_alone_for_as_long_as_it_asks():
    pages = Noted({"/": page("hub", ["/1", "/2"]), "/1": page("1"), "/2": page("2")})
    with Web(pages) as web:
        noted, busy = pages["/1"], BusyAtFirst(BUSY[0], 1, Retry_After="1")

        def first(conn, closing):
            if busy.times:
                pages.times.clear()
                pages.times.append(time.monotonic())
                return busy(conn, closing)
            return noted(conn, closing)

        web.pages["/1"] = first
        assert finished(web.url, "--workers", "1").summary["done"] == 3
    assert len(pages.times) == 3
    assert pages.gaps()[0] >= 1


def test_a_crawl_ends_though_the_callback_of_the_busy_page_raises():
    """Then only the worker has heard that the site is busy, and not main."""
    with Web(hub(4, **{"/0": answer("", BUSY[0])})) as web:
        summary = finished(web.url, "--workers", "1", "--raise-on", "2", status=1).summary
    assert (summary["done"], summary["failed"]) == (4, 1)


def test_a_server_that_answers_every_second_request_is_crawled():
    asked = Counter()

    def every_second(path):
        def send(conn, closing):
            asked["all"] += 1
            conn.sendall(answer("", BUSY[0]) if asked["all"] % 2 else page(path, ["/"]))

        return send

    links = [f"/{number}" for number in range(6)]
    with Web({"/": page("hub", links), **{link: every_second(link) for link in links}}) as web:
        summary = finished(web.url, "--workers", "2", "--max-delay", "0.05", "--tries", "4").summary
    assert (summary["done"], summary["failed"]) == (7, 0)


def test_a_robots_txt_that_is_busy_is_asked_for_again():
    busy_robots = [answer("", BUSY[1])]

    def rules(conn, closing):
        conn.sendall(busy_robots.pop() if busy_robots else robots("Disallow: /1"))

    with Web(hub(2), rules) as web:
        result = finished(web.url, "--max-delay", "0.1")
        assert web.asked["/1"] == 0
    assert (result.summary["done"], result.summary["forbidden"], result.summary["retried"]) == (2, 1, 1)


def test_what_leads_on_beside_links_is_followed():
    pages = {
        "/": answer(
            "<area href='\\1'><iframe src='  /2'></iframe><meta http-equiv=refresh content='9;url=3'>"
        ),
        "/1": page("1"),
        "/2": answer("<frameset><frame src=/4></frameset>"),
        "/3": answer("3", Refresh="0; url=/5"),
        "/4": page("4"),
        "/5": page("5"),
    }
    with Web(pages) as web:
        assert finished(web.url).summary["done"] == 6
