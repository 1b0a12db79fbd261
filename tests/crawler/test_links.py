"""What a page leads to: links, areas, frames and refreshes, as a browser reads them."""

import pytest
from downloads import forget_origins, get
from web import Web, answer

from procdemo.crawler import links
from procdemo.crawler.fetch import Page
from procdemo.crawler.links import title_and_links

URL = "http://h.example/dir/page?q"


def links_of(html, **more):
    page = Page(URL, URL, 200, html=html.encode(), **more)
    return [link.removeprefix("http://h.example") for link in title_and_links(page)[1]]


@pytest.mark.parametrize(
    ("html", "leads_to"),
    [
        ("<a href=x>", ["/dir/x"]),
        ("<a href=' x\n'><a href='\\y'><a href='http:z'>", ["/dir/x", "/y", "/dir/z"]),
        ("<a href=x><a href=x><a href=x#y><A HREF=./x>", ["/dir/x"]),
        ("<a>", []),
        ("<a href>", []),
        ("<a href=''><a href=#x>", []),  # the page itself
        ("<a href='mailto:a@b'><a href='javascript:x()'>", []),
        ("<a name=x><link href=y><img src=z><script src=w></script><form action=v>", []),
        ("<!-- <a href=x> --><script>'<a href=x>'</script><textarea><a href=x></textarea>", []),
        ("<map><area href=x><area></map>", ["/dir/x"]),
        ("<frameset><frame src=x><frame src=y></frameset>", ["/dir/x", "/dir/y"]),
        ("<iframe src=x></iframe><iframe src='about:blank'></iframe><iframe></iframe>", ["/dir/x"]),
        ("<noscript><a href=x></noscript>", ["/dir/x"]),
        # <base>
        ("<base href=/b/><a href=x>", ["/b/x"]),
        ("<base href=/b><a href='?x'><a href=#y><a href=''>", ["/b?x", "/b"]),
        ("<base target=x><base href=/b/><base href=/c/><a href=x>", ["/b/x"]),
        ("<base href='//other.example'><a href=x>", ["http://other.example/x"]),
        ("<base href='data:x'><a href=x>", ["/dir/x"]),
        ("<base href='\\b\\'><a href=x>", ["/b/x"]),
        # refresh (HTML Standard, 4.2.5.3)
        ("<meta http-equiv=refresh content='0; url=x'>", ["/dir/x"]),
        ("<META HTTP-EQUIV=REFRESH CONTENT='5;URL=\"/x y\"z'>", ["/x%20y"]),
        ('<meta http-equiv=refresh content=" 1.5 , URL = \'x">', ["/dir/x"]),
        ("<meta http-equiv=refresh content='0 x'>", ["/dir/x"]),
        ("<meta http-equiv=refresh content='.;x'>", ["/dir/x"]),
        ("<meta http-equiv=refresh content='0;urlx'>", ["/dir/urlx"]),
        ("<meta http-equiv=refresh content='0'>", []),
        ("<meta http-equiv=refresh content='0;'>", []),
        ("<meta http-equiv=refresh content='0;url='>", []),
        ("<meta http-equiv=refresh content='0x'>", []),
        ("<meta http-equiv=refresh content='url=x'>", []),
        ("<meta http-equiv=refresh><meta http-equiv=x content='0;url=x'><meta content='0;url=x'>", []),
        ("<base href=/b/><meta http-equiv=content-type content=x>", []),
        ("<base href=/b/><meta http-equiv=refresh content='0;url=x'>", ["/b/x"]),
    ],
)
def test_a_page_leads_on(html, leads_to):
    assert links_of(html) == leads_to


def test_a_refresh_in_the_header_leads_on_and_so_does_a_redirect_that_waits():
    assert links_of("", refresh="0; url=/x", moved="http://h.example/y") == ["/y", "/x"]
    assert links_of("<a href=z>", refresh="0; url=/x") == ["/x", "/dir/z"]
    assert links_of("", refresh="3") == []


def test_a_query_has_the_encoding_of_the_page():
    assert links_of("<a href='?й'>", encoding="windows-1251") == ["/dir/page?%E9"]


def test_the_title_is_the_first_one():
    page = Page(URL, URL, 200, html=b"<title> a \n b</title><svg><title>c</title></svg>")
    assert title_and_links(page) == ("a b", [])
    assert title_and_links(page._replace(html=b"<a href=x>"))[0] == ""


# --- a page of a stranger


LARGE = b"<title>t</title><base href=/b/><a href=x#y><a href=#z><iframe src=w></iframe>" + b"<p>" * 600


def test_a_large_page_of_a_stranger_is_parsed_by_its_worker(monkeypatch):
    """The parent cannot be killed while it parses, and so must not; what it learns is the same."""
    with Web({"/a": answer(LARGE), "/b": answer(LARGE[:99])}) as web:
        strange, ours = get(f"{web.origin}/a"), get(f"{web.origin}/a", trusted=frozenset({web.origin}))
        small = get(f"{web.origin}/b")
    forget_origins()
    assert [page.html for page in (strange, ours, small)] == [b"", LARGE, LARGE[:99]]
    expected = title_and_links(ours)
    assert len(expected[1]) == 3
    monkeypatch.setattr(links, "read_outline", None)
    assert title_and_links(strange) == expected
