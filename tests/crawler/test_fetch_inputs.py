"""Each input of the security checklist for the crawler that no other test has."""

import socket
import threading
import zlib

import pytest
from crawls import fate_of, finished
from downloads import get
from harness import run
from in_process import both_ways
from selection import some_of
from web import CHUNKED, Web, answer, endless, page, redirect, stay_silent

from procdemo.crawler import fetch as fetching
from procdemo.crawler.fetch import Bounds, fetch
from procdemo.crawler.urls import resolve
from procdemo.demo.events import Emitter

pytestmark = pytest.mark.usefixtures("fresh_worker")

# --- where it is asked to begin


@pytest.mark.parametrize(
    "word",
    [
        "file:///etc/hostname",
        "data:text/plain,hi",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "gopher:",
        "javascript:alert(1)",
        "http://user@127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http://a.example@127.0.0.1/",
        "http:///etc/passwd",
        "//127.0.0.1/",
        "http://h ost/",
        "http://h\r\nHost: x/",
    ],
)
@both_ways
def test_e6_no_web_address_is_wrong_usage(run, word):
    result = run("crawl-callback", word, "--allow-private").assert_clean(2, stderr_lines=2)
    assert result.stderr.startswith("error: not an address of a web page: ")
    assert not result.stdout.startswith("{")


HOSTS = [
    "127.0.0.1",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "127.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "169.254.169.254",
    "2852039166",
    "localhost.",
    "localhost",
]
OF_NETWORK = {"0.0.0.0", "169.254.169.254", "2852039166"}


@pytest.fixture(scope="module")
def secret():
    """Return a server on every address of this machine, and the clients it has had."""
    heard = []

    def listen():
        while True:
            try:
                conn, peer = listener.accept()
            except OSError:
                return
            heard.append(peer)
            conn.close()

    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    listener = socket.create_server(("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6)
    thread = threading.Thread(target=listen)
    thread.start()
    yield listener.getsockname()[1], heard
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


@pytest.mark.parametrize("host", some_of(HOSTS))
def test_e6_a_private_host_by_any_name(host, secret):
    """This host itself may be typed, by any name; of other addresses only those of the public internet."""
    port, heard = secret
    result = run("crawl-callback", f"http://{host}:{port}/", "--json").assert_clean(1)
    why = result.named("page failed")[0].data["why"]
    if host in OF_NETWORK:
        assert "which is not public (--allow-private)" in why or "no such host" in why
        assert heard == []
    else:
        assert "connection" in why or "no such host" in why or "cannot connect" in why
        heard.clear()


def test_the_secret_server_hears(secret):
    """The test above can fail."""
    port, heard = secret
    with socket.create_connection(("127.0.0.1", port)) as conn:
        assert conn.recv(1) == b""
    assert len(heard) == 1
    heard.clear()


# --- where it is sent


@pytest.mark.parametrize("host", [*HOSTS, "user@127.0.0.1", "a.example@127.0.0.1"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_e6_a_redirect_to_a_private_host(host, status, secret):
    """Both where it may not go at all, and where it may, were it public."""
    port, heard = secret
    target = f"http://{host}:{port}/"
    with Web({"/": redirect(target, f"{status} Go")}) as web:
        got = get(web.url)
        assert (got.skip, got.status, got.html) == ("outside", status, b"")
        named = resolve(target, "")
        if named and fetching.origin(named) != web.origin:
            fetching._origins.clear()
            origins = frozenset({web.origin, fetching.origin(named)})
            bounds = Bounds(origins, frozenset({web.origin}), frozenset(), 1 << 20, 5, 5.0)
            got = fetch(web.url, True, bounds, Emitter(lambda _: None))
            assert "which is not public" in got.why or "no such host" in got.why
    assert heard == []


@pytest.mark.parametrize(
    "location", ["http://", "http:///", "http:///x", "http:", "http://:80/", "\x1b]0;PWN\x07:"]
)
def test_e6_a_location_without_a_host(location):
    with Web({"/": redirect(location)}) as web:
        got = get(web.url)
    assert got.skip == "outside" or "redirects" in got.why or got.final.startswith(web.url)


ODD_LINKS = [
    "/a&#13;&#10;X-Evil: 1",
    "/b\r\nX-Evil: 1",
    "/c d",
    " /e\t",
    "/f HTTP/1.1&#13;&#10;&#13;&#10;GET /g",
]


def test_e6_a_link_cannot_write_a_header():
    with Web({"/": page("hub", ODD_LINKS)}) as web:
        result = finished(
            f"{web.url}\r\n?a b\r\nX-Evil: 1", web.url, status=1
        )  # a page of this name there is not
    assert result.summary["produced"] == len(ODD_LINKS) + 2
    for head in web.heads:
        first, *fields = head.split("\n")
        assert first.count(" ") == 2
        assert {field.partition(":")[0] for field in fields} == HEADERS
    assert "/g" not in web.asked


HEADERS = {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
"""All that a user sees."""


def test_neither_cookies_nor_credentials_are_kept_or_sent(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("default login me password swordfish\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    cookie = "session=1; Path=/; Domain=127.0.0.1"
    hub = page("hub", ["/in", "/away", "/locked"])
    with Web({"/": page("other")}) as other, Web({}) as web:
        web.pages |= {
            "/": hub.replace(b"\r\n", b"\r\nSet-Cookie: " + cookie.encode() + b"\r\n", 1),
            "/in": answer("", "302 Found", Location="/", Set_Cookie=cookie),
            "/away": answer("", "307 Go", Location=other.url, Set_Cookie=cookie),
            "/locked": answer("", "401 Unauthorized", WWW_Authenticate='Basic realm="x"', Set_Cookie=cookie),
        }
        result = finished(web.url, other.url, "--workers", "1")
        assert fate_of(result, f"{web.url}away")["title"] == "other"
        heads = web.heads + other.heads
    assert len(heads) >= 7
    for head in heads:
        assert {field.partition(":")[0] for field in head.split("\n")[1:]} == HEADERS


# --- what it is sent


def bomb(size):
    """Return so many zeros, gzipped."""
    generate_load = zlib.compressobj(9, wbits=31)
    return b"".join(generate_load.compress(bytes(1 << 20)) for _ in range(size >> 20)) + generate_load.flush()


@pytest.mark.parametrize(
    "head", [{"Content_Encoding": "gzip"}, {"Content_Encoding": "GZIP, gzip"}, {}], ids=str
)
def test_e5_a_gzip_bomb_is_not_unpacked(head):
    data = bomb(50 << 20)
    assert len(data) < 60_000
    with Web({"/": answer(data, **head)}) as web:
        got = get(web.url)
    assert len(got.html) < 4 * len(data)
    assert ("compressed" in got.why) == bool(head)


@pytest.mark.parametrize(
    "body",
    [
        endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"<p>" * 20_000),
        endless(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", b"x" * 60_000),
        endless(CHUNKED, b"1\r\nx\r\n" * 10_000),
        endless(CHUNKED + b"8000000000000000\r\n", b"x" * 60_000),
        endless(CHUNKED + b"fffffffffffffffffffff\r\n", b"x" * 60_000),
        endless(CHUNKED + b"1;" + b"e" * 20_000, b"e" * 60_000),
    ],
)
def test_e5_without_end_in_any_form(body):
    """A cap ends it, or a failure does; the answer is never more than was asked for."""
    with Web({"/": body}) as web:
        got = get(web.url, patience=1.0, max_bytes=1 << 16)
    assert got.why
    assert got.html == b""


@pytest.mark.thorough
def test_e5_some_servers_only_the_deadline_ends():
    """A hundred thousand nested tags, and a trailer without end."""
    bad = {
        "/div": answer("<div>" * 100_000),
        "/trailer": endless(CHUNKED + b"0\r\n", b"X: y\r\n" * 1_000),
    }
    with Web({"/": page("hub", [*bad, "/fine"]), **bad, "/fine": page("fine")}) as web:
        result = finished(web.url, "--page-deadline", "0.7", status=1, within=20)
    assert fate_of(result, f"{web.url}fine")["title"] == "fine"
    for path in bad:
        why = fate_of(result, web.origin + path)["why"]
        assert "deadline" in why or "parse" in why or "too long" in why


# --- robots.txt


@pytest.mark.parametrize(
    "target", ["http://[::1]/robots.txt", "http://169.254.169.254/robots.txt", "file:///etc/hosts"]
)
def test_if_robots_txt_is_elsewhere_all_is_forbidden(target):
    with Web({"/": page("")}, redirect(target)) as web:
        got = get(web.url)
    assert "robots.txt, so nothing may be fetched" in got.why
    assert web.asked["/"] == 0


def test_a_silent_robots_txt_costs_the_page_not_the_crawl():
    with Web({"/": page("never")}, stay_silent) as slow, Web({"/": page("fine")}) as web:
        result = finished(web.url, slow.url, "--page-deadline", "0.5", status=1, within=20)
        assert slow.asked["/"] == 0
    assert fate_of(result, web.url)["title"] == "fine"
    assert "deadline" in fate_of(result, slow.url)["why"]
