"""Workers download, the callback in the parent parses: the lesson, and what the user may ask for."""

import os
import signal
from pathlib import Path

import pytest
from crawls import assert_accounted, crawl, fate_of, finished, hub
from harness import Command, run
from in_process import both_ways
from order import assert_in_order
from selection import some_of
from web import Web, answer, hang_up, page, redirect, stay_silent

from procdemo.render.spans import flows

DEBIAN_DOCS = Path("/usr/share/doc/python3.11/html")

# --- the lesson


@pytest.mark.thorough
def test_the_docs_of_the_standard_library(start_method):
    result = run("crawl-callback", "--json", "--workers", "2", start_method=start_method).assert_clean()
    summary = assert_accounted(result).summary
    assert summary["done"] > 60
    assert (summary["failed"], summary["lost"], summary["broken"]) == (0, 0, 0)
    assert summary["skipped"] == summary["forbidden"] == 1
    (private,) = [event for event in result.named("page") if event.data["fate"] == "skipped"]
    assert "/private/" in private.data["url"]
    parsed = result.named("parsed")
    assert len(parsed) == summary["done"]
    assert_in_order(result)
    meta = result.named("meta")[0]
    assert {event.pid for event in parsed} == {meta.pid} == {summary["callback_pid"]}
    assert {event.tid for event in parsed}.isdisjoint({meta.pid})  # the main thread's number is the PID
    assert all("_handle_results" in event.data["thread"] for event in parsed)
    assert "_handle_results" in summary["callback_threads"]
    workers = {event.data["worker_pid"] for event in parsed}
    assert meta.pid not in workers
    assert workers <= {event.pid for event in result.named("fetch")}
    assert {event.role for event in result.named("fetch")} <= {"worker-0", "worker-1"}
    titles = {event.data["title"] for event in result.named("page")}
    assert "Python: module json" in titles


def test_each_page_goes_to_a_worker_and_comes_back_to_a_thread_of_main(start_method):
    with Web(hub(9)) as web:
        result = finished(web.url, "--workers", "2", start_method=start_method)
    main = result.named("meta")[0].pid
    there, back = (
        {arrow.sent.data["id"]: arrow for arrow in flows(result.events) if arrow.sent.name == name}
        for name in ("submit", "callback")
    )
    assert set(there) == set(back)
    assert len(there) >= result.summary["done"] == 10
    for ticket, (submitted, taken) in there.items():
        sent, called = back[ticket]
        assert submitted.pid == submitted.tid == main
        assert taken.pid == sent.pid != main
        assert called.pid == main != called.tid, "the result-handler thread"
        assert submitted.time_ns < taken.time_ns < sent.time_ns < called.time_ns


def test_e1_a_hundred_pages_eight_workers_each_called_back_once():
    with Web(hub(99)) as web:
        summary = finished(web.url, "--workers", "8").summary
        assert summary["done"] == summary["produced"] == 100
        assert set(web.asked.values()) - {web.asked["/robots.txt"]} <= {1}


def test_titles_links_and_progress():
    pages = {
        "/": page(
            "  a\n title ", ["/a#x", "/a", "a", "b?q#y", "mailto:x@y", "https://example.org/", "#z", ""]
        ),
        "/a": answer('<base href="/deep/"><title>a</title><a href="c">c</a><A HREF=d>d'),
        "/b?q": page("b"),
        "/deep/c": page("c"),
        "/deep/d": page("d"),
    }
    with Web(pages) as web:
        result = finished(web.url)
        assert {path: n for path, n in web.asked.items() if path != "/robots.txt"} == dict.fromkeys(pages, 1)
    assert fate_of(result, web.url)["title"] == "a title"
    assert result.summary["outside"] == 1
    counts = [event.data for event in result.events if event.kind == "count"]
    assert counts[-1] == {"value": 5, "total": 5}
    rows = [event.data for event in result.events if (event.kind, event.name) == ("result", "pages")]
    assert {row["title"] for row in rows} == {"a title", "a", "b", "c", "d"}
    assert all(row.keys() == {"page", "status", "bytes", "worker_pid", "title"} for row in rows)


def test_the_table_shows_twenty_pages_and_all_that_failed_or_everything():
    with Web(hub(40, **{"/39": hang_up})) as web:
        few = finished(web.url, status=1)
        all_ = finished(web.url, "-v", status=1)
    count = [len([e for e in r.events if (e.kind, e.name) == ("result", "pages")]) for r in (few, all_)]
    assert count == [21, 41]


def test_the_screen():
    with Web({"/": page("hello", ["/gone"])}) as web:
        result = run("crawl-callback", web.url, "--allow-private").assert_clean()
    assert "_handle_results" in result.stdout
    assert "broken links" in result.stdout
    assert f"{web.origin}/gone" in result.stdout
    assert "\nproduced 2 = done 2 + failed 0 + lost 0 + skipped 0" in result.stdout


@pytest.mark.site("python3.11-doc")
@pytest.mark.skipif(
    not DEBIAN_DOCS.is_dir() and not os.environ.get("CI"), reason="apt-get install python3.11-doc"
)
@pytest.mark.thorough
def test_the_documentation_of_debian():
    result = assert_accounted(
        run("crawl-callback", "--site", str(DEBIAN_DOCS), "--json", limit=50).assert_clean()
    )
    summary = result.summary
    assert summary["done"] > 500
    assert (summary["failed"], summary["lost"], summary["skipped"], summary["broken"]) == (0, 0, 0, 1)
    assert summary["bytes"] > 40_000_000
    (broken,) = [event.data for event in result.events if event.name == "broken links"]
    # Debian compresses this file, and the links to it were forgotten.
    assert broken["link"].endswith("/whatsnew/changelog.html")
    assert (broken["status"], "/whatsnew/" in broken["on_page"], broken["links"] > 10) == (404, True, True)
    assert len({event.data["worker_pid"] for event in result.named("page")}) >= 1
    assert any("os — Miscellaneous" in event.data["title"] for event in result.named("page"))


# --- what the user may ask for


def test_no_more_pages_than_asked_for():
    with Web(hub(50)) as web:
        summary = finished(web.url, "--max-pages", "10").summary
    assert summary["produced"] == 10
    assert summary["left_out"] == 41


def test_a_loopback_address_that_was_typed_is_allowed_and_no_other():
    """The same origin too, but no other port of this host, and no other private address."""
    with Web({"/": page("secret")}) as other, Web({}) as web:
        web.pages |= {
            "/": page("typed", ["/same", other.url, "/away", f"http://10.0.0.1:{web.port}/"]),
            "/same": page("same"),
            "/away": redirect(other.url),
        }
        result = run("crawl-callback", web.url, "--json").assert_clean()
        assert other.connections == 0
    assert (result.summary["done"], result.summary["skipped"], result.summary["outside"]) == (2, 1, 3)
    assert "outside" in fate_of(result, f"{web.url}away")["why"]


def test_a_start_that_gives_no_page_is_a_failure():
    with Web({"/gone": redirect("https://example.org/")}) as web:
        for path, why in (("", "status 404"), ("gone", "outside")):
            result = finished(f"{web.url}{path}", status=1)
            (start,) = result.named("no page")
            assert why in start.data["why"]


def test_two_origins_are_both_crawled():
    with Web({"/": page("b")}) as other, Web({"/": page("a", [other.url])}) as web:
        summary = finished(web.url, other.url).summary
    assert (summary["done"], summary["outside"]) == (2, 0)


@pytest.mark.parametrize(
    "word",
    some_of(
        [
            "example.org",
            "file:///etc/passwd",
            "ftp://x/",
            "http://",
            "http://u@x/",
            "http://[/",
            "http://x:y/",
        ]
    ),
)
@both_ways
def test_no_web_address_is_wrong_usage(run, word):
    result = run("crawl-callback", word).assert_clean(2, stderr_lines=2)
    assert "not an address of a web page" in result.stderr


def test_a_missing_folder_is_wrong_usage(tmp_path):
    result = run("crawl-callback", "--site", str(tmp_path / "none")).assert_clean(2, stderr_lines=2)
    assert "no such folder" in result.stderr


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_stopped(signum, status, start_method):
    with Web({"/": stay_silent}) as web, crawl(web.url, start_method=start_method) as command:
        command.wait_event("fetch")
        command.signal(signum)
        command.finish(5).assert_clean(status)


def test_killed_it_leaves_no_process(start_method):
    with Command("crawl-callback", "--json", start_method=start_method) as command:
        command.wait_event("parsed")
        command.signal(signal.SIGKILL)
        assert not command.finish(5).survivors
