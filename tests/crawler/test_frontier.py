"""Which page a link means, and one fate for each page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procdemo.crawler.frontier import Fate, Frontier
from procdemo.crawler.urls import origin, resolve

BASE = "http://h.example/dir/page.html?q"


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("", "http://h.example/dir/page.html?q"),
        ("x", "http://h.example/dir/x"),
        ("x#frag", "http://h.example/dir/x"),
        ("?a=b", "http://h.example/dir/page.html?a=b"),
        ("?a=/b/../c", "http://h.example/dir/page.html?a=/b/../c"),
        ("../x", "http://h.example/x"),
        ("../../../x", "http://h.example/x"),
        ("/a/./b/../c/", "http://h.example/a/c/"),
        ("http://h.example/a/../../b", "http://h.example/b"),
        ("http://h.example", "http://h.example/"),
        ("HTTP://H.Example:80/A", "http://h.example/A"),
        ("https://h.example:443/", "https://h.example/"),
        ("https://h.example:444/", "https://h.example:444/"),
        ("//other.example/x", "http://other.example/x"),
        ("/a b", "http://h.example/a%20b"),
        ("/\u00e9?\u00e9", "http://h.example/%C3%A9?%C3%A9"),
        ("/%C3%A9", "http://h.example/%C3%A9"),
        ("  /x\n\ty  ", "http://h.example/xy"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("/\x1b[2J", "http://h.example/%1B[2J"),
    ],
)
def test_a_link_has_one_normal_form(href, url):
    assert resolve(href, BASE) == url
    assert resolve(url, "") == url


@pytest.mark.parametrize(
    "href",
    [
        "mailto:a@b.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://h.example/",
        "gopher://h.example/",
        "http://user@h.example/",
        "http://user:password@h.example/",
        "http://[",
        "http://[x]/",
        "http://h.example:x/",
        "http://h.example:99999/",
        "http://h ost/",
        "http://h\x1b/",
        "http://h.example/" + "x" * 2000,
    ],
)
def test_some_links_lead_to_no_page(href):
    assert resolve(href, BASE) is None


@given(st.text(max_size=60), st.sampled_from([BASE, "http://h.example/", "https://[::1]/a/b"]))
def test_any_text_is_a_page_in_printable_ascii_or_none(href, base):
    url = resolve(href, base)
    if url is not None:
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
        assert resolve(url, "") == url
        assert url.startswith(origin(url) + "/")


def test_a_page_is_queued_once_and_only_within_the_origins():
    frontier = Frontier(["http://a/", "http://a/", "https://a/"], 100)
    assert list(frontier.waiting) == ["http://a/", "https://a/"]
    assert frontier.add(["http://a/1", "http://a/", "http://b/", "http://a:8080/"], "http://a/") == 1
    assert frontier.outside == 2
    assert frontier.known == frontier.open == 3


def test_no_more_than_the_most():
    frontier = Frontier(["http://a/"], 3)
    assert frontier.add([f"http://a/{n}" for n in range(10)], "http://a/") == 2
    assert frontier.left_out == 8


def test_each_page_has_one_fate():
    frontier = Frontier(["http://a/"], 10)
    frontier.add(["http://a/1", "http://a/2"], "http://a/")
    frontier.add(["http://a/2"], "http://a/1")
    frontier.settle("http://a/", Fate.DONE, 200)
    frontier.settle("http://a/1", Fate.FAILED, 0, "late")
    frontier.settle("http://a/2", Fate.DONE, 404)
    assert frontier.open == 0
    assert frontier.account() == {"produced": 3, "done": 2, "failed": 1, "lost": 0, "skipped": 0}
    (broken,) = frontier.broken()
    assert broken == {"link": "http://a/2", "status": 404, "on_page": "http://a/", "links": 2}
    assert frontier.starts_without_page() == []
    with pytest.raises(ValueError, match="was failed already"):
        frontier.settle("http://a/1", Fate.DONE, 200)
