"""Where a download may not go: private addresses, other origins, what robots.txt forbids."""

import pytest
from downloads import get
from web import GIB_OF_CHUNKS, Web, answer, hang_up, page, redirect, stay_silent

from procdemo.crawler.origin import AGENT, NoPageError, is_public, refuse_private

pytestmark = pytest.mark.usefixtures("fresh_worker")

# --- private addresses

PRIVATE = [
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "64:ff9b::a9fe:a9fe",
    "fe80::1%1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_known(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "017700000001", "0.0.0.0", "localhost."],
)
def test_a_private_host_gets_no_connection(host):
    with Web({"/": page("secret")}) as web:
        got = get(f"http://{host}:{web.port}/", private=False)
        assert "--allow-private" in got.why or "no such host" in got.why
        assert (got.status, got.html, web.connections) == (0, b"", 0)


def test_one_private_address_among_public_ones_is_enough():
    with pytest.raises(NoPageError, match=r"10\.0\.0\.1"):
        refuse_private("example.org", ["8.8.8.8", "10.0.0.1"])
    refuse_private("example.org", ["8.8.8.8"])


# --- redirects


def test_redirects_are_followed_within_the_origin():
    pages = {
        "/1": redirect("/2", "301 Moved"),
        "/2": redirect("3", "307 Temporary"),
        "/3": redirect("?4"),
        "/3?4": page("here"),
    }
    with Web(pages) as web:
        got = get(f"{web.origin}/1")
    assert (got.url, got.final, got.status) == (f"{web.origin}/1", f"{web.origin}/3?4", 200)


def test_a_redirect_to_a_forbidden_page_is_not_followed():
    robots = answer("User-agent: *\nDisallow: /private/", Content_Type="text/plain")
    with Web({"/a": redirect("/private/b"), "/private/b": page("")}, robots) as web:
        assert get(f"{web.origin}/a").skip == "forbidden"
        assert web.asked["/private/b"] == 0


@pytest.mark.parametrize("pages", [{"/": redirect("/")}, {"/": redirect("/b"), "/b": redirect("/")}])
def test_a_loop_ends(pages):
    with Web(pages) as web:
        got = get(web.url)
        assert "more than 5 redirects" in got.why
        assert sum(web.asked.values()) == 1 + 6
        assert got.status == 302


def test_twenty_hops_are_too_many_for_five_and_not_for_twenty():
    pages = {f"/{i}": redirect(f"/{i + 1}") for i in range(20)} | {"/20": page("far")}
    with Web(pages) as web:
        assert "more than 5" in get(f"{web.origin}/0").why
        assert get(f"{web.origin}/0", max_redirects=20).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/hostname",
        "ftp://127.0.0.1/",
        "data:text/html,hi",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "http://127.0.0.1:{port}/",
        "http://user@127.0.0.1:{own}/",
        "http://a.example@127.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://10.0.0.1/",
        "//127.0.0.1:{port}/",
        "https://127.0.0.1:{own}/",
        "http://[/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:{own}x/",
        "",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_is_refused_by_name(target, status):
    with Web({"/": page("secret")}) as other, Web({}) as web:
        location = target.format(port=other.port, own=web.port)
        web.pages["/a"] = redirect(location, f"{status} Go")
        got = get(f"{web.origin}/a")
        assert other.connections == 0
        assert got.html == b""
        if location:
            assert got.skip == "outside"
            assert "leads to" in got.why
            assert got.status == status


def test_hostile_locations():
    pages = {
        "/long": redirect("/" + "x" * 60_000),
        "/longer": redirect("/" + "x" * 100_000),
        "/esc": redirect("http://\x1b]0;PWN\x07/"),
        "/space": redirect("/a b"),
        "/a%20b": page("space"),
    }
    with Web(pages) as web:
        assert get(f"{web.origin}/long").why
        assert get(f"{web.origin}/longer").why
        assert get(f"{web.origin}/esc").skip == "outside"
        assert get(f"{web.origin}/space").status == 200


# --- robots.txt


def test_robots_txt_is_obeyed():
    robots = answer(
        f"User-agent: other\nAllow: /\n\nUser-agent: {AGENT}\nDisallow: /no", Content_Type="text/plain"
    )
    with Web({"/yes": page(""), "/no": page("")}, robots) as web:
        assert get(f"{web.origin}/yes").status == 200
        got = get(f"{web.origin}/no")
        assert (got.skip, got.why, web.asked["/no"]) == ("forbidden", "forbidden by robots.txt", 0)


@pytest.mark.parametrize(
    ("robots", "why"),
    [
        (answer("", "500 Oops"), "status 500"),
        (hang_up, "closed the connection"),
        (redirect("http://10.0.0.1/robots.txt"), "outside"),
        (stay_silent, "timed out"),
    ],
)
def test_if_robots_txt_cannot_be_had_all_is_forbidden(robots, why):
    with Web({"/a": page("")}, robots) as web:
        got = get(f"{web.origin}/a", patience=0.3)
        assert why in got.why
        assert "robots.txt" in got.why
        assert not got.skip
        assert web.asked["/a"] == 0


@pytest.mark.parametrize(
    "robots",
    [
        answer("<html><body>We have no robots here", Content_Type="text/html"),
        answer(b"\xff\xfe\0\0 nonsense \x80"),
        GIB_OF_CHUNKS,
        answer("gone", "410 Gone"),
    ],
)
def test_an_odd_robots_txt_allows_all(robots):
    with Web({"/a": page("")}, robots) as web:
        assert get(f"{web.origin}/a").status == 200
