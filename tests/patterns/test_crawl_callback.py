"""Workers download, the callback in the parent parses: whatever the web and the workers do."""

import contextlib
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from harness import Command, run
from web import (
    CHUNK_OF_MINUS_ONE,
    GIB_OF_CHUNKS,
    LONG_HEADER,
    MANY_HEADERS,
    TWO_GIB_CLAIMED,
    Web,
    answer,
    continue_for_ever,
    drip_body,
    drip_header,
    hang_up,
    page,
    redirect,
    stay_silent,
)

DEBIAN_DOCS = Path("/usr/share/doc/python3.11/html")
HOSTILE = "\x1b]0;PWN\x1b\\\x1b[2J\x9b31m\u202eexe\x08[red]x[/][/foo]"


def crawl(*args, **options):
    """Return the command, running; it reports JSON and may go to the test's own servers."""
    return Command("crawl-callback", *args, "--allow-private", "--json", **options)


def finished(*args, status=0, within=None, **options):
    with crawl(*args, **options) as command:
        return assert_accounted(command.finish(within).assert_clean(status))


def assert_accounted(result):
    """Assert that every page queued met exactly one fate."""
    summary = result.summary
    assert summary["produced"] == sum(summary[fate] for fate in ("done", "failed", "lost", "skipped"))
    pages = result.named("page")
    assert len(pages) == summary["produced"]
    assert len({event.data["url"] for event in pages}) == len(pages)
    fates = Counter(event.data["fate"] for event in pages)
    assert all(summary[fate] == fates[fate] for fate in ("done", "failed", "lost", "skipped"))
    bad = {event.data["url"] for event in pages if event.data["fate"] in {"failed", "lost"}}
    assert bad == {event.data["url"] for event in result.named("page failed")}
    return result


def fate_of(result, url):
    (event,) = [event for event in result.named("page") if event.data["url"] == url]
    return event.data


def hub(count, **more):
    """Return a site with an index and `count` pages."""
    links = [f"/{number}" for number in range(count)]
    return {"/": page("hub", links), **{link: page(f"page {link}", ["/"]) for link in links}, **more}


# --- the lesson


def test_the_handbook(start_method):
    result = run("crawl-callback", "--json", "--workers", "2", start_method=start_method).assert_clean()
    summary = assert_accounted(result).summary
    assert summary["done"] > 60
    assert (summary["failed"], summary["lost"], summary["broken"]) == (0, 0, 0)
    assert summary["skipped"] == summary["forbidden"] == 1
    (private,) = [event for event in result.named("page") if event.data["fate"] == "skipped"]
    assert "/private/" in private.data["url"]
    parsed = result.named("parsed")
    assert len(parsed) == summary["done"]
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


def test_a_hundred_pages_eight_workers_each_called_back_once():
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


def test_for_a_person():
    with Web({"/": page("hello", ["/gone"])}) as web:
        result = run("crawl-callback", web.url, "--allow-private").assert_clean()
    assert "_handle_results" in result.stdout
    assert "broken links" in result.stdout
    assert f"{web.origin}/gone" in result.stdout
    assert "ok: produced 2 = done 2 + failed 0 + lost 0 + skipped 0" in result.stdout


@pytest.mark.site("python3.11-doc")
@pytest.mark.skipif(
    not DEBIAN_DOCS.is_dir() and not os.environ.get("CI"), reason="apt-get install python3.11-doc"
)
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


# --- what goes wrong in the parent and its workers


def test_a_raising_callback_costs_one_page(start_method):
    with Web(hub(60)) as web:
        result = finished(web.url, "--raise-on", "37", status=1, start_method=start_method)
    assert (result.summary["done"], result.summary["failed"]) == (60, 1)
    (failed,) = result.named("page failed")
    assert failed.data["why"] == "the callback raised ValueError: --raise-on 37"
    assert result.seconds < 10


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


def kill_fetcher(command, url, nth=1):
    event = command.wait_event(
        lambda event: (event.kind, event.name) == ("begin", "fetch") and event.data["url"] == url, nth
    )
    os.kill(event.pid, signal.SIGKILL)
    return event.pid


def test_a_page_whose_worker_is_killed_is_fetched_again(start_method):
    with Web(hub(20, **{"/7": Once()})) as web, crawl(web.url, start_method=start_method) as command:
        pid = kill_fetcher(command, f"{web.origin}/7")
        result = assert_accounted(command.finish().assert_clean())
    assert (result.summary["done"], result.summary["retried"]) == (21, 1)
    (again,) = result.named("page again")
    assert again.data["worker_pid"] == pid
    assert "killed" in again.data["why"]
    assert fate_of(result, f"{web.origin}/7")["title"] == "at last"
    assert fate_of(result, f"{web.origin}/7")["worker_pid"] != pid


def test_a_page_whose_worker_always_dies_is_lost_by_name():
    with Web(hub(20, **{"/7": stay_silent})) as web, crawl(web.url) as command:
        for nth in range(1, 4):
            kill_fetcher(command, f"{web.origin}/7", nth)
        result = assert_accounted(command.finish().assert_clean(1))
    assert (result.summary["done"], result.summary["lost"], result.summary["retried"]) == (20, 1, 2)
    assert fate_of(result, f"{web.origin}/7")["why"] == "its worker was killed 3 times"


def test_workers_killed_again_and_again_lose_nothing(start_method):
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


def test_a_page_without_end_fails_at_its_deadline_and_the_rest_is_done(start_method):
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
        assert all(web.asked[path] == 2 for path in ("/body", "/header", "/continue", "/silent"))
    assert (result.summary["done"], result.summary["failed"], result.summary["lost"]) == (31, 5, 0)
    for path in ("/body", "/header", "/continue", "/silent"):
        assert "deadline" in fate_of(result, f"{web.origin}{path}")["why"]
    assert "RemoteDisconnected" in fate_of(result, f"{web.origin}/close")["why"]


def test_what_was_late_once_is_done():
    with Web(hub(5, **{"/3": Once()})) as web:
        result = finished(web.url, "--page-deadline", "0.5")
    assert result.summary["done"] == 6
    assert result.summary["retried"] == 1


def test_a_stopped_worker_is_killed_at_the_deadline():
    with Web(hub(5, **{"/3": Once()})) as web, crawl(web.url, "--page-deadline", "0.7") as command:
        event = command.wait_event(lambda e: e.name == "fetch" and e.data.get("url") == f"{web.origin}/3")
        os.kill(event.pid, signal.SIGSTOP)
        result = assert_accounted(command.finish(10).assert_clean())
    assert result.summary["done"] == 6


def test_the_site_dies(start_method):
    with Command("crawl-callback", "--json", start_method=start_method) as command:
        site = command.wait_event("serving").pid
        command.wait_event("parsed", 3)
        os.kill(site, signal.SIGKILL)
        result = assert_accounted(command.finish(15).assert_clean(1))
    (died,) = result.named("site died")
    assert died.data["site_pid"] == site
    assert result.summary["failed"] > 0


# --- a hostile web


def test_without_end_or_sense_it_fails_at_the_cap():
    bad = {
        "/claimed": TWO_GIB_CLAIMED,
        "/chunks": GIB_OF_CHUNKS,
        "/minus": CHUNK_OF_MINUS_ONE,
        "/headers": MANY_HEADERS,
        "/header": LONG_HEADER,
        "/nested": answer("<div>" * 40_000),
    }
    fine = {"/a": answer("<a " * 20_000), "/b": answer("<!--" * 20_000)}
    with Web({"/": page("hub", [*bad, *fine]), **bad, **fine}) as web:
        result = finished(web.url, "--page-deadline", "20", status=1, limit=60)
    assert (result.summary["done"], result.summary["failed"]) == (3, len(bad))


def test_a_page_too_costly_to_parse_costs_a_worker_at_most():
    pages = {"/": page("hub", ["/deep", "/a"]), "/deep": answer("<div>" * 200_000), "/a": page("a")}
    with Web(pages) as web:
        result = finished(web.url, "--page-deadline", "1", status=1, within=20)
    assert (result.summary["done"], result.summary["failed"]) == (2, 1)
    assert "deadline" in fate_of(result, f"{web.origin}/deep")["why"]


def test_redirects_elsewhere_are_refused_by_name():
    with Web({"/": page("secret")}) as other:
        targets = [
            "file:///etc/hostname",
            "ftp://127.0.0.1/",
            "data:text/html,hi",
            "http://10.0.0.1/",
            other.url,
            f"http://localhost:{other.port}/",
        ]
        pages = {f"/{n}": redirect(target) for n, target in enumerate(targets)}
        with Web({"/": page("hub", [*pages, "/loop"]), "/loop": redirect("/loop"), **pages}) as web:
            result = finished(web.url, status=1)
        assert other.connections == 0
    assert (result.summary["done"], result.summary["skipped"], result.summary["failed"]) == (
        1,
        len(targets),
        1,
    )
    for number, target in enumerate(targets):
        assert target in fate_of(result, f"{web.origin}/{number}")["why"]
    assert "redirects" in fate_of(result, f"{web.origin}/loop")["why"]


def test_links_elsewhere_are_not_followed():
    with Web({"/": page("secret")}) as other:
        links = [other.url, f"//127.0.0.1:{other.port}/", f"http://localhost:{other.port}/"]
        links += [
            "file:///etc/passwd",
            "ftp://x/",
            "javascript:alert(1)",
            "mailto:a@b",
            "http://u@127.0.0.1/",
        ]
        with Web({"/": page("hub", links)}) as web:
            summary = finished(web.url).summary
        assert other.connections == 0
    assert (summary["produced"], summary["outside"]) == (1, 2)


def test_odd_pages_are_pages():
    pages = {
        "/bogus": answer("<title>\u00e9</title>".encode(), Content_Type="text/html; charset=bogus-8"),
        "/utf16": answer("\ufeff<title>sixteen</title>".encode("utf-16-le")),
        "/nul": answer(b"<title>a\0b</title>"),
        "/invalid": answer(b"<title>\xff\xfe\x80\xc3\x28\xed\xa0\x80[/]</title>"),
        "/404": answer("<title>none</title><a href=/never>x</a>", "404 Not Found"),
        "/500": answer("", "500 Oops"),
        "/empty": answer(""),
        "/text": answer("<a href=/never>x</a>", Content_Type="text/plain"),
    }
    with Web({"/": page("hub", pages), **pages}) as web:
        result = finished(web.url)
        assert web.asked["/never"] == 0
    assert result.summary["done"] == 9
    assert fate_of(result, f"{web.origin}/bogus")["title"] == "\u00e9"
    assert fate_of(result, f"{web.origin}/utf16")["title"] == "sixteen"
    broken = {event.data["link"]: event.data for event in result.events if event.name == "broken links"}
    assert {url: data["status"] for url, data in broken.items()} == {
        f"{web.origin}/404": 404,
        f"{web.origin}/500": 500,
    }
    assert {data["on_page"] for data in broken.values()} == {web.url}


@pytest.mark.parametrize("how", [["--json"], [], ["-vv"]])
def test_nothing_hostile_reaches_the_terminal(how):
    title = HOSTILE.encode("utf-8", "surrogatepass")
    pages = {
        "/": answer(
            b"<title>" + title * 40 + b"</title><a href='/" + title + b"'>x</a><a href=/r>x</a>",
            Content_Type=HOSTILE.encode("unicode_escape").decode() + "text/html",
            X_Odd="\x1b[2J",
        ),
        "/r": redirect("http://\x1b]0;PWN\x07[red]/"),
    }
    pages["/"] = pages["/"].replace(b"Content-Type: ", b"Content-Type: text/html; x=")
    with Web(pages) as web:
        result = run("crawl-callback", web.url, "--allow-private", *how).assert_clean()
    assert "PWN" in result.stdout


# --- what the user may ask for


def test_no_more_pages_than_asked_for():
    with Web(hub(50)) as web:
        summary = finished(web.url, "--max-pages", "10").summary
    assert summary["produced"] == 10
    assert summary["left_out"] == 41


def test_a_loopback_address_must_be_allowed():
    with Web(hub(1)) as web:
        result = run("crawl-callback", web.url, "--json").assert_clean(1)
        assert web.connections == 0
    assert "--allow-private" in result.named("page failed")[0].data["why"]


def test_a_start_that_gives_no_page_is_a_failure():
    with Web({"/gone": redirect("https://example.org/")}) as web:
        for path, why in (("", "status 404"), ("gone", "outside")):
            result = finished(f"{web.url}{path}", status=1)
            (told,) = result.named("no page")
            assert why in told.data["why"]


def test_two_origins_are_both_crawled():
    with Web({"/": page("b")}) as other, Web({"/": page("a", [other.url])}) as web:
        summary = finished(web.url, other.url).summary
    assert (summary["done"], summary["outside"]) == (2, 0)


@pytest.mark.parametrize(
    "word",
    ["example.org", "file:///etc/passwd", "ftp://x/", "http://", "http://u@x/", "http://[/", "http://x:y/"],
)
def test_what_is_no_web_address_is_wrong_usage(word):
    result = run("crawl-callback", word).assert_clean(2, stderr_lines=2)
    assert "not an address of a web page" in result.stderr


def test_a_folder_that_is_none(tmp_path):
    result = run("crawl-callback", "--site", str(tmp_path / "none")).assert_clean(2, stderr_lines=2)
    assert "no such folder" in result.stderr


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_stopped(signum, status, start_method):
    with Web({"/": stay_silent}) as web, crawl(web.url, start_method=start_method) as command:
        command.wait_event("fetch")
        command.signal(signum)
        command.finish(5).assert_clean(status)


def test_killed_it_leaves_nobody(start_method):
    with Command("crawl-callback", "--json", start_method=start_method) as command:
        command.wait_event("parsed")
        command.signal(signal.SIGKILL)
        assert not command.finish(5).survivors
