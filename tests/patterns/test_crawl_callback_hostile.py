"""A hostile web costs a page at most: nothing without end, nowhere else, nothing odd on the screen."""

import pytest
from crawls import fate_of, finished
from harness import run
from selection import some_of
from web import (
    CHUNK_OF_MINUS_ONE,
    GIB_OF_CHUNKS,
    LONG_HEADER,
    MANY_HEADERS,
    TWO_GIB_CLAIMED,
    Web,
    answer,
    page,
    redirect,
)

HOSTILE = "\x1b]0;PWN\x1b\\\x1b[2J\x9b31m\u202eexe\x08[red]x[/][/foo]"


@pytest.mark.thorough
def test_e5_without_end_or_sense_it_fails_at_the_cap():
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


def test_e8_a_page_too_costly_to_parse_costs_a_worker_at_most():
    pages = {"/": page("hub", ["/deep", "/a"]), "/deep": answer("<div>" * 200_000), "/a": page("a")}
    with Web(pages) as web:
        result = finished(web.url, "--page-deadline", "1", status=1, within=20)
    assert (result.summary["done"], result.summary["failed"]) == (2, 1)
    assert "deadline" in fate_of(result, f"{web.origin}/deep")["why"]


def test_e6_redirects_elsewhere_are_refused_by_name():
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


def test_e7_odd_pages_are_pages():
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


@pytest.mark.parametrize("how", some_of([["--json"], [], ["-vv"]], 2))
def test_f1_nothing_hostile_reaches_the_terminal(how):
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


def test_a_broken_link_between_the_longest_addresses_is_reported():
    with Web({}) as web:
        rest = 2_000 - len(web.origin) - 1  # a longer one is none
        known, gone = "/" + "a" * rest, "/" + "b" * rest
        web.pages |= {"/": page("hub", [known, f"{known}x"]), known: page("known", [gone])}
        result = finished(web.url)
    assert result.summary["produced"] == 3
    (broken,) = result.named("broken links")
    assert broken.data["link"].startswith(f"{web.origin}/bbb")
    assert broken.data["on_page"].startswith(f"{web.origin}/aaa")
