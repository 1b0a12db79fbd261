"""A callback raises, workers are killed, pages never end, the site dies: each page has one fate."""

import contextlib
import os
import signal

import pytest
from crawls import assert_accounted, crawl, fate_of, finished, hub
from exits import ends
from harness import Command
from web import Web, answer, continue_for_ever, drip_body, drip_header, hang_up, page, stay_silent


def test_e2_a_raising_callback_costs_one_page(start_method):
    with Web(hub(60)) as web:
        result = finished(web.url, "--raise-on", "37", status=1, start_method=start_method, within=10)
    assert (result.summary["done"], result.summary["failed"]) == (60, 1)
    (failed,) = result.named("page failed")
    assert failed.data["why"] == "the callback raised ValueError: --raise-on 37"


class Once:
    """A page that is silent when it is asked for the first time."""

    def __init__(self, then=None, times=1):
        self.then = then or page("at last")
        self.times = times

    def __call__(self, conn, closing):
        self.times -= 1
        if self.times >= 0:
            return stay_silent(conn, closing)
        return conn.sendall(self.then)


def signal_fetcher(command, web, path, nth=1, signum=signal.SIGKILL):
    """Signal the worker that fetches a page, for the nth time, once the server has been asked for it."""
    url = f"{web.origin}{path}"
    event = command.wait_event(
        lambda event: (event.kind, event.name) == ("begin", "fetch") and event.data["url"] == url, nth
    )
    command.wait_for(lambda: web.asked[path] >= nth, what=f"the server is asked for {path}")
    os.kill(event.pid, signum)
    return event.pid


def test_e3_a_page_whose_worker_is_killed_is_fetched_again(start_method):
    with Web(hub(20, **{"/7": Once()})) as web, crawl(web.url, start_method=start_method) as command:
        pid = signal_fetcher(command, web, "/7")
        result = assert_accounted(command.finish().assert_clean())
    assert (result.summary["done"], result.summary["retried"]) == (21, 1)
    (again,) = result.named("page again")
    assert again.data["worker_pid"] == pid
    assert "killed" in again.data["why"]
    assert fate_of(result, f"{web.origin}/7")["title"] == "at last"
    assert fate_of(result, f"{web.origin}/7")["worker_pid"] != pid


def test_e3_a_page_whose_worker_always_dies_is_lost_by_name():
    with Web(hub(20, **{"/7": stay_silent})) as web, crawl(web.url) as command:
        for nth in range(1, 4):
            signal_fetcher(command, web, "/7", nth)
        result = assert_accounted(command.finish().assert_clean(1))
    assert (result.summary["done"], result.summary["lost"], result.summary["retried"]) == (20, 1, 2)
    assert fate_of(result, f"{web.origin}/7")["why"] == "its worker was killed 3 times"


@pytest.mark.thorough
def test_e3_workers_killed_again_and_again_lose_nothing(start_method):
    big = answer("<title>big</title>" + "x" * 300_000)
    pages = {"/": page("hub", [f"/{n}" for n in range(120)]), **{f"/{n}": big for n in range(120)}}
    with Web(pages) as web:
        args = (web.url, "--workers", "3", "--tries", "50")
        with crawl(*args, start_method=start_method, limit=50) as command:
            for nth in range(10, 60, 7):
                event = command.wait_event(lambda e: (e.kind, e.name) == ("end", "fetch"), nth)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(event.pid, signal.SIGKILL)  # it may be writing its result just now
            result = assert_accounted(command.finish().assert_clean())
    assert result.summary["done"] == 121


def test_e4_a_page_without_end_fails_at_its_deadline_and_the_rest_is_done(start_method):
    bad = {
        "/body": drip_body,
        "/header": drip_header,
        "/continue": continue_for_ever,
        "/silent": stay_silent,
        "/close": hang_up,
    }
    pages = {"/": page("hub", [*bad, *(f"/{n}" for n in range(30))])}
    pages |= {f"/{n}": page(f"{n}") for n in range(30)} | bad
    with Web(pages) as web:
        args = (web.url, "--workers", "2", "--page-deadline", "1")
        result = finished(*args, status=1, start_method=start_method, limit=50)
        asked = {path: web.asked[path] for path in ("/body", "/header", "/continue", "/silent")}
    assert all(1 <= times <= 2 for times in asked.values()), asked  # a deadline may pass before it is asked
    again = {event.data["url"] for event in result.named("page again")}
    assert again >= {f"{web.origin}{path}" for path in asked}
    assert (result.summary["done"], result.summary["failed"], result.summary["lost"]) == (31, 5, 0)
    for path in ("/body", "/header", "/continue", "/silent"):
        assert "deadline" in fate_of(result, f"{web.origin}{path}")["why"]
    assert "closed the connection" in fate_of(result, f"{web.origin}/close")["why"]


def test_a_page_that_was_late_once_is_done():
    with Web(hub(5, **{"/3": Once()})) as web:
        result = finished(web.url, "--page-deadline", "1.5")
    assert result.summary["done"] == 6
    assert f"{web.origin}/3" in [event.data["url"] for event in result.named("page again")]


def test_e4_a_stopped_worker_is_killed_at_the_deadline():
    with Web(hub(5, **{"/3": Once()})) as web, crawl(web.url, "--page-deadline", "2") as command:
        signal_fetcher(command, web, "/3", signum=signal.SIGSTOP)
        result = assert_accounted(command.finish(10).assert_clean())
    assert result.summary["done"] == 6


def test_the_site_dies(start_method):
    args = ("--workers", "2", "--latency", "0.2")  # so that there are pages left to ask for
    with Command("crawl-callback", "--json", *args, start_method=start_method) as command:
        site = command.wait_event("serving").pid
        command.wait_event("parsed", 3)
        os.kill(site, signal.SIGKILL)
        result = assert_accounted(command.finish(15).assert_clean(1))
    (died,) = ends(result.events, "site died")
    assert (died["child"], died["child_pid"], died["cause"]) == ("site", site, "killed by SIGKILL")
    assert result.summary["failed"] > 0
