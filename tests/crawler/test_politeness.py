"""When a site may be asked for its next page, on a clock that the test sets; what a server asks for."""

import time
from collections import deque
from email.utils import formatdate

import pytest
from downloads import get
from web import Web, answer, page, redirect

from procdemo.crawler.exchange import Answer
from procdemo.crawler.politeness import Politeness

A, B = "http://a/", "http://b/"


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def polite(clock, *urls, max_delay=10.0, workers=2, ours=()):
    return Politeness(deque(urls), max_delay, workers, ours, clock)


def take_all(politeness):
    return list(iter(politeness.take, None))


def test_a_site_is_asked_for_one_page_until_its_robots_txt_is_known(clock):
    politeness = polite(clock, A, f"{A}1", f"{A}2", f"{A}3", B)
    assert take_all(politeness) == [A, B]
    assert politeness.seconds_to_wait() is None
    politeness.give_back(A)  # its worker was killed: nothing is known
    assert take_all(politeness) == [f"{A}1"]
    assert not politeness.give_back(f"{A}1", 0.0)
    assert take_all(politeness) == [f"{A}2", f"{A}3"]


def test_a_site_is_asked_for_as_many_pages_as_there_are_workers_and_as_many_more_wait(clock):
    politeness = polite(clock, A, *(f"{A}{n}" for n in range(9)))
    politeness.give_back(politeness.take(), 0.0)
    assert take_all(politeness) == [f"{A}0", f"{A}1", f"{A}2", f"{A}3"]
    politeness.give_back(f"{A}1", 0.0)
    assert take_all(politeness) == [f"{A}4"]


def test_any_number_of_pages_of_a_site_of_our_own_may_wait_in_the_pool(clock):
    politeness = polite(clock, A, *(f"{A}{n}" for n in range(9)), ours=["http://a"])
    politeness.give_back(politeness.take(), 0.0)
    assert len(take_all(politeness)) == 9


def test_a_crawl_delay_passes_between_an_answer_and_the_next_page(clock):
    politeness = polite(clock, A, f"{A}1", f"{A}2", B)
    assert take_all(politeness) == [A, B]
    clock.now += 5
    assert politeness.give_back(A, 3.0)
    assert take_all(politeness) == []
    assert politeness.seconds_to_wait() == 3
    clock.now += 2.5
    assert take_all(politeness) == []
    clock.now += 0.5
    assert politeness.seconds_to_wait() == 0
    assert politeness.seconds_to_wait() is None, "otherwise the loop would not sleep any more"
    assert take_all(politeness) == [f"{A}1"]
    assert not politeness.give_back(f"{A}1", 3.0), "said once"
    assert politeness.take() is None
    assert politeness.seconds_to_wait() == 3


def test_a_page_that_was_not_asked_for_costs_no_delay(clock):
    politeness = polite(clock, A, f"{A}1")
    politeness.give_back(politeness.take(), 3.0, asked=False)
    assert politeness.take() == f"{A}1"


@pytest.mark.parametrize("most", [0.0, 2.0])
def test_a_longer_delay_is_cut_and_said(clock, most):
    politeness = polite(clock, A, f"{A}1", max_delay=most)
    assert politeness.give_back(politeness.take(), 60.0)
    if most:
        assert politeness.take() is None
        assert politeness.seconds_to_wait() == most
        clock.now += most
    assert politeness.take() == f"{A}1"


def test_of_a_page_that_is_handed_back_it_is_known_that_its_site_is_busy(clock):
    politeness = polite(clock, A, f"{A}1", f"{A}2", f"{A}3")
    politeness.give_back(politeness.take(), 0.0)
    assert take_all(politeness) == [f"{A}1", f"{A}2", f"{A}3"]
    politeness.hand_back(f"{A}2")
    assert politeness.is_busy(A), "otherwise the worker would hand it back for ever"
    assert take_all(politeness) == []
    politeness.give_back(f"{A}1", 0.0)
    politeness.give_back(f"{A}3", 0.0)
    assert take_all(politeness) == [f"{A}2"]


def test_a_busy_site_is_left_alone_and_then_asked_for_one_page_at_a_time(clock):
    politeness = polite(clock, A, *(f"{A}{n}" for n in range(5)), B, max_delay=4.0, workers=1)
    politeness.give_back(politeness.take(), 0.0)
    assert not politeness.is_busy(A)
    assert take_all(politeness) == [f"{A}0", f"{A}1", B]
    politeness.give_back(f"{A}0", 0.0)
    assert politeness.pause(f"{A}0", 2.0) == 2.0
    assert politeness.is_busy(A)
    assert not politeness.is_busy(B)
    politeness.put_first(f"{A}0")
    clock.now += 1
    politeness.give_back(f"{A}1", 0.0)
    assert take_all(politeness) == []
    assert politeness.seconds_to_wait() == 1
    clock.now += 1
    assert take_all(politeness) == [f"{A}0"]
    politeness.give_back(f"{A}0", 0.0)
    assert take_all(politeness) == [f"{A}2"]
    assert politeness.pause(f"{A}2", 3_600.0) == 4.0


# --- what a server asks for

THEN = 1_700_000_000


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, -1),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "9" * 400}, float("9" * 18)),
        ({"retry-after": "-7"}, -1),
        ({"retry-after": "soon"}, -1),
        ({"retry-after": "1.5"}, -1),
        ({"retry-after": "²"}, -1),
        ({"retry-after": formatdate(THEN + 9, usegmt=True), "date": formatdate(THEN, usegmt=True)}, 9),
        ({"retry-after": formatdate(THEN, usegmt=True), "date": formatdate(THEN + 9, usegmt=True)}, 0),
        ({"retry-after": formatdate(THEN, usegmt=True)}, 0),  # long ago
        ({"retry-after": "Fri, 31 Dec 9999 99:99:99 GMT"}, -1),
        ({"retry-after": "Fri, 01 Jan 0001 00:00:00 +2300", "date": "Wed"}, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers, seconds):
    assert Answer(429, headers, b"").retry_after == seconds


def test_a_date_is_compared_with_our_clock_if_the_server_has_none():
    answered = Answer(503, {"retry-after": formatdate(time.time() + 1_000, usegmt=True)}, b"")
    assert 900 < answered.retry_after <= 1_000


def with_delay(seconds):
    return answer(f"User-agent: *\nDisallow: /no\nCrawl-delay: {seconds}\n", Content_Type="text/plain")


@pytest.mark.usefixtures("fresh_worker")
class TestFetch:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [("2", 2), ("0.5", 0.5), ("0", 0), ("-1", 0), ("nan", 0), ("x", 0), ("inf", 0)],
    )
    def test_a_page_says_what_its_robots_txt_asks_for(self, asked, found):
        with Web({"/a": page("a")}, with_delay(asked)) as web:
            assert get(f"{web.origin}/a").crawl_delay == found

    def test_if_there_is_no_robots_txt_the_delay_is_none_and_if_it_cannot_be_had_it_is_not_known(self):
        with Web({"/a": page("a")}) as web:
            assert get(f"{web.origin}/a").crawl_delay == 0
        with Web({"/a": page("a")}, answer("", "500 Oops")) as web:
            assert get(f"{web.origin}/a").crawl_delay == -1
        assert get("http://nowhere.invalid/").crawl_delay == -1

    def test_a_redirect_is_not_followed_at_once_if_the_site_wants_time(self):
        with Web({"/a": redirect("/b"), "/b": page("b")}, with_delay(1)) as web:
            got = get(f"{web.origin}/a", max_delay=10.0)
            assert (got.status, got.final, got.moved) == (302, f"{web.origin}/a", f"{web.origin}/b")
            assert web.asked["/b"] == 0
            assert get(f"{web.origin}/a", max_delay=0.0).final == f"{web.origin}/b"

    def test_a_redirect_to_a_forbidden_page_was_a_request(self):
        with Web({"/a": redirect("/no")}, with_delay(1)) as web:
            got = get(f"{web.origin}/a", max_delay=10.0)
            assert (got.skip, got.status) == ("forbidden", 302)
            assert get(f"{web.origin}/no").status == 0

    @pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
    def test_a_busy_server_says_when_it_wants_to_be_asked_again(self, status):
        with Web({"/a": answer("", status, Retry_After="7")}) as web:
            got = get(f"{web.origin}/a")
            assert (got.status, got.retry_after, got.why) == (int(status[:3]), 7, "")
            assert get(f"{web.origin}/b", known_busy=False).skip == "busy"
            assert web.asked["/b"] == 0, "the parent does not know yet for how long it is to be left alone"
            assert get(f"{web.origin}/b").status == 404

    def test_a_busy_server_whose_answer_is_no_page_is_busy_all_the_same(self):
        with Web({"/a": answer("", "429 Too Many Requests", Content_Encoding="gzip")}) as web:
            assert "compressed" in get(f"{web.origin}/a").why
            assert get(f"{web.origin}/b", known_busy=False).skip == "busy"

    def test_another_crawl_of_the_same_worker_does_not_know_that_the_server_was_busy(self):
        with Web({"/a": answer("", "429 Too Many Requests"), "/b": page("b")}) as web:
            get(f"{web.origin}/a")
            assert get(f"{web.origin}/b", known_busy=False, began_ns=2).why == ""

    @pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
    def test_a_busy_robots_txt_forbids_all_for_the_moment(self, status):
        with Web({"/a": page("a")}, answer("", status, Retry_After="7")) as web:
            got = get(f"{web.origin}/a")
            assert (got.status, got.retry_after, web.asked["/a"]) == (int(status[:3]), 7, 0)
            assert "robots.txt has status" in got.why
            web.pages["/robots.txt"] = with_delay(0)
            assert get(f"{web.origin}/a").why == ""
