"""Which page a link means: as in a browser, which follows the URL Standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        # white space and controls
        ("\x00\x1f /x \x0b\x0c", "http://h.example/x"),
        ("ht\ntp://h.exam\tple/x", "http://h.example/x"),
        ("\u00a0x", "http://h.example/dir/%C2%A0x"),
        # backslashes, before the first ?
        ("\\x\\y?a\\b", "http://h.example/x/y?a\\b"),
        ("..\\x", "http://h.example/x"),
        ("\\\\other.example\\x", "http://other.example/x"),
        ("/\\other.example/x", "http://other.example/x"),
        ("http:\\\\other.example/", "http://other.example/"),
        # odd and empty references
        ("#frag", "http://h.example/dir/page.html?q"),
        ("  \n ", "http://h.example/dir/page.html?q"),
        ("?", "http://h.example/dir/page.html"),
        ("x?", "http://h.example/dir/x"),
        ("/?#", "http://h.example/"),
        (".", "http://h.example/dir/"),
        ("..", "http://h.example/"),
        ("///other.example//x", "http://other.example//x"),
        ("http:x", "http://h.example/dir/x"),
        ("http:/x", "http://h.example/x"),
        ("http:", "http://h.example/dir/page.html?q"),
        ("http:?y", "http://h.example/dir/page.html?y"),
        ("http:mailto:x", "http://h.example/dir/mailto:x"),
        ("https:x", "https://x/"),
        ("https:/x", "https://x/"),
        ("http:////x/y", "http://x/y"),
        ("x:y/z", None),
        ("./x:y", "http://h.example/dir/x:y"),
        # dot segments, also escaped
        ("/a/%2e%2E/b/.%2e/c/%2e", "http://h.example/c/"),
        ("/a/..b/...", "http://h.example/a/..b/..."),
        ("/a//../b", "http://h.example/a/b"),
        # escapes
        ("/%41%zz", "http://h.example/%41%zz"),
        ('/<">`{}^', "http://h.example/%3C%22%3E%60%7B%7D%5E"),
        ("?<\">'`{}^", "http://h.example/dir/page.html?%3C%22%3E%27`{}^"),
        ("/\ud800", "http://h.example/%EF%BF%BD"),
        # hosts
        ("http://@h.example/", "http://h.example/"),
        ("http://h.example:/", "http://h.example/"),
        ("http://h.example:00080/", "http://h.example/"),
        (f"http://h.example:{'0' * 5_000}81/", "http://h.example:81/"),
        ("http://h.example:0/", "http://h.example:0/"),
        ("x/../" * 2_000 + "y", "http://h.example/dir/y"),
        ("http://%68.example/", "http://h.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://017700000001/", "http://127.0.0.1/"),
        ("http://127.0.0.1./", "http://127.0.0.1/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        ("http://[0:0:0::1]/", "http://[::1]/"),
        ("http://stra\u00dfe.example/", "http://xn--strae-oqa.example/"),
        ("http://B\u00dcCHER\uff0eexample/", "http://xn--bcher-kva.example/"),
        ("http://h\u3002example/", "http://h.example/"),
        ("http://\u65e5\u672c.example/", "http://xn--wgv71a.example/"),
        ("http://\u2615.example/", "http://xn--53h.example/"),
    ],
)
def test_a_link_has_one_normal_form(href, url):
    assert resolve(href, BASE) == url
    assert url is None or resolve(url, "") == url


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
        "http://",
        "http://?x",
        "http://:80/",
        "http://[::1%25lo]/",
        "http://[::1]x/",
        "http://h.example:65536/",
        "http://h.example:1000000080/",
        f"http://h.example:{'9' * 5_000}/",
        f"http://{'9' * 5_000}/",
        "http://h.example:8\u0660/",
        "http://1.2.3.256/",
        "http://1.2.3.4.5/",
        "http://0x100000000/",
        "http://08.1/",
        "http://a.1x.0x/",
        "http://a%00b/",
        "http://a|b/",
        "http://xn--\u00e9/",
        "about:blank",
        "blob:http://h.example/x",
        "tel:123",
        "ws://h.example/",
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


@given(st.text("/\\\\?#.:@%[]aé ht\t2e0xp", max_size=20), st.sampled_from([BASE, "https://[::1]/a/b"]))
def test_an_odd_reference_too(href, base):
    test_any_text_is_a_page_in_printable_ascii_or_none.hypothesis.inner_test(href, base)


@pytest.mark.parametrize(
    ("encoding", "query"),
    [
        ("utf-8", "%D0%B9"),
        ("windows-1251", "%E9"),
        ("iso-8859-1", "%26%231081%3B"),
        ("utf-16le", "%D0%B9"),
        ("replacement", "%D0%B9"),
        ("nonsense", "%D0%B9"),
    ],
)
def test_a_query_is_encoded_as_its_page_is(encoding, query):
    assert resolve("/\u0439?a=\u0439&b", BASE, encoding) == f"http://h.example/%D0%B9?a={query}&b"


def test_without_a_base_only_a_whole_url_is_one():
    assert [resolve(href, "") for href in ("x", "/x", "//h.example/", "?x", "", "\\\\h.example")] == [
        None
    ] * 6
    assert resolve("http:h.example", "") == "http://h.example/"


@pytest.mark.parametrize(
    ("url", "name"),
    [("http://h/", "http://h"), ("https://h:8/x/y", "https://h:8"), ("http://[::1]:8/?/", "http://[::1]:8")],
)
def test_the_origin_is_scheme_host_and_port(url, name):
    assert origin(url) == name
