"""One page, within limits, from servers that keep to none."""

import contextlib
import os
import resource
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from web import (
    CHUNK_OF_MINUS_ONE,
    CHUNKED,
    GIB_OF_CHUNKS,
    LONG_HEADER,
    MANY_HEADERS,
    TWO_GIB_CLAIMED,
    TWO_GIB_SENT,
    Web,
    answer,
    hang_up,
    page,
    raw,
    redirect,
    stay_silent,
)

from procdemo import fetch as fetching
from procdemo.events import Emitter
from procdemo.fetch import AGENT, Bounds, Page, fetch, is_public


@pytest.fixture(autouse=True)
def _fresh_worker():
    """Forget the connections of the test before."""
    yield
    for place in fetching._places.values():
        for pool in place._pools:
            pool.close()
    fetching._places.clear()


def get(url, *more_origins, private=True, emit=lambda _: None, **limits):
    origins = frozenset({fetching.origin(url), *more_origins})
    limits = {"max_bytes": 1 << 20, "max_redirects": 5, "patience": 5.0} | limits
    bounds = Bounds(
        origins=origins, private=origins if private else frozenset(), trusted=frozenset(), **limits
    )
    return fetch(url, bounds, Emitter(emit))


# --- a page


def test_a_page_comes_with_all_that_is_known_of_it():
    records = []
    with Web({"/a": page("hello")}) as web:
        got = get(f"{web.origin}/a", emit=records.append)
    assert (got.url, got.final, got.status, got.why, got.skip) == (f"{web.origin}/a",) * 2 + (200, "", "")
    assert got.size == len(got.html)
    assert b"<title>hello</title>" in got.html
    assert got.pid == os.getpid()
    assert [(record[0], record[1]) for record in records] == [("begin", "fetch"), ("end", "fetch")]


def test_the_request_says_who_asks_and_wants_no_compression():
    with Web({"/a?b=c": page("")}) as web:
        assert get(f"{web.origin}/a?b=c").status == 200
    robots, head = web.heads
    assert robots.startswith("GET /robots.txt HTTP/1.1")
    lines = head.split("\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert f"User-Agent: {AGENT}" in lines
    assert f"Host: 127.0.0.1:{web.port}" in lines
    assert "Accept-Encoding: identity" in lines


def test_the_connection_is_kept():
    with Web({"/a": page("a"), "/b": page("b")}) as web:
        assert get(f"{web.origin}/a").status == get(f"{web.origin}/b").status == 200
        assert web.connections == 1
        assert web.asked == {"/robots.txt": 1, "/a": 1, "/b": 1}


def test_a_kept_connection_that_the_server_closed_is_no_failure():
    def once(conn, closing):
        conn.sendall(page("once"))
        return False

    with Web({"/a": once}) as web:
        assert [get(f"{web.origin}/a").status for _ in range(3)] == [200] * 3


def test_a_connection_closed_in_answer_to_its_second_request_is_tried_once_more():
    asked = []

    def second_time(conn, closing):
        asked.append(conn)
        if len(asked) == 2:
            return False
        conn.sendall(page("x"))
        return True

    with Web({"/a": second_time}) as web:
        assert [get(f"{web.origin}/a").status for _ in range(2)] == [200, 200]
        assert len(asked) == 3


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "999 What"])
def test_an_error_status_is_an_answer(status):
    with Web({"/a": answer("" if "204" in status else "sorry", status)}) as web:
        got = get(f"{web.origin}/a")
    assert (got.status, got.why) == (int(status[:3]), "")


def test_what_is_not_html_is_not_brought_home():
    with Web({"/a": answer(b"\0" * 1000, Content_Type="image/png")}) as web:
        got = get(f"{web.origin}/a")
    assert (got.size, got.html) == (1000, b"")


def test_the_second_address_of_a_name_is_tried():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = taken.getsockname()[1]
    assert "cannot connect" in get(f"http://127.0.0.1:{dead}/").why
    with Web({"/a": page("v4 only")}) as web:  # localhost is ::1 and 127.0.0.1, where there is IPv6
        assert get(f"http://localhost:{web.port}/a").status == 200


def test_no_such_host():
    assert "no such host" in get("http://nowhere.invalid/").why


# --- where it may not go

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
    with pytest.raises(fetching._NotHadError, match=r"10\.0\.0\.1"):
        fetching._refuse_private("example.org", ["8.8.8.8", "10.0.0.1"])
    fetching._refuse_private("example.org", ["8.8.8.8"])


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


def test_a_redirect_into_what_robots_forbids_is_not_followed():
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


def test_robots_speak_to_us():
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
        (hang_up, "RemoteDisconnected"),
        (redirect("http://10.0.0.1/robots.txt"), "outside"),
        (stay_silent, "timed out"),
    ],
)
def test_robots_that_cannot_be_had_forbid_all(robots, why):
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
def test_odd_robots_allow_all(robots):
    with Web({"/a": page("")}, robots) as web:
        assert get(f"{web.origin}/a").status == 200


# --- bodies and heads without end or sense


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("body", [GIB_OF_CHUNKS, TWO_GIB_SENT, CHUNK_OF_MINUS_ONE])
def test_a_body_without_end_is_cut_at_the_cap(body):
    before = peak()
    with Web({"/a": body}) as web:
        got = get(f"{web.origin}/a")
    assert got.why == "more than 1048576 bytes (--max-bytes)"
    assert (got.status, got.html) == (200, b"")
    assert peak() - before < 32  # MiB


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (TWO_GIB_CLAIMED, "IncompleteRead"),
        (MANY_HEADERS, "more than 100 headers"),
        (LONG_HEADER, "LineTooLong"),
        (hang_up, "RemoteDisconnected"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "BadStatusLine"),
        (raw(CHUNKED + b"ZZZ\r\nabc"), ""),
        (raw(CHUNKED + b"8000000000000000\r\nabc"), ""),
        (raw(CHUNKED + b"5\r\nabc"), ""),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"), "Content-Length"),
        (answer(b"\x1f\x8b" + b"\0" * 20, Content_Encoding="gzip"), "compressed"),
        (stay_silent, "timed out"),
    ],
)
def test_nonsense_is_a_failure_with_a_reason(body, why):
    before = peak()
    with Web({"/a": body}) as web:
        got = get(f"{web.origin}/a", patience=0.5)
    assert got.why
    assert why in got.why
    assert not got.skip
    assert peak() - before < 32


def test_a_negative_length_is_read_to_the_end():
    with Web({"/a": raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc")}) as web:
        got = get(f"{web.origin}/a")
    assert (got.size, got.why) == (3, "")


def test_what_cannot_be_parsed_in_reasonable_time_is_refused():
    with Web(
        {"/a": answer("<div>" * 40_000), "/b": answer("<a " * 20_000), "/c": answer("<!--" * 20_000)}
    ) as web:
        got = get(f"{web.origin}/a")
        assert "parse" in got.why
        assert got.status == 200
        for path in "bc":
            assert get(f"{web.origin}/{path}").why == ""


# --- encodings


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("é".encode("latin-1"), "text/html; charset=iso-8859-1", "é"),
        ("é".encode(), "text/html", "é"),
        ("é".encode(), 'text/html; charset="UTF-8"', "é"),
        ("é".encode("utf-16"), "text/html", "é"),
        ("\ufeffé".encode("utf-16-be"), "text/html; charset=utf-8", "é"),
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=latin-1", "é"),
        (b'<meta charset="cp1251">\xe9', "text/html", '<meta charset="cp1251">й'),
        (b"\xc3\xa9", "text/html; charset=bogus-8", "é"),
        (b"\xc3\xa9", "text/html; charset=zlib", "é"),
        (b"+AGE-", "text/html; charset=utf-7", "+AGE-"),
        (b"\\ud800", "text/html; charset=unicode_escape", "\\ud800"),
        (b"a\xffb\0c", "text/html", "a\ufffdb\0c"),
        (b"\xed\xa0\x80", "text/html; charset=utf-8", "\ufffd\ufffd\ufffd"),
        (b"a", "application/xhtml+xml", "a"),
        (b"a", "", "a"),
    ],
)
def test_whatever_the_encoding_it_comes_as_utf_8(body, kind, text):
    with Web({"/a": answer(body, Content_Type=kind)}) as web:
        assert get(f"{web.origin}/a").html.decode("utf-8") == text


# --- TLS


@pytest.fixture
def certificate(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl, to make a certificate")
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *name]
    subprocess.run(command, check=True, capture_output=True)
    return tmp_path


@contextlib.contextmanager
def secure_server(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def serve():
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            with conn, contextlib.suppress(OSError), context.wrap_socket(conn, server_side=True) as secure:
                if secure.recv(65536):
                    secure.sendall(page("secure"))

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    for place in fetching._places.values():
        for pool in place._pools:
            pool.close()
    thread.join()
    listener.close()


def test_a_certificate_is_checked_against_the_name(certificate, monkeypatch):
    with secure_server(certificate) as port:
        assert "CERTIFICATE_VERIFY_FAILED" in get(f"https://localhost:{port}/").why
        fetching._places.clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        assert get(f"https://localhost:{port}/").status == 200
        assert "doesn't match" in get(f"https://127.0.0.1:{port}/").why


def test_a_page_is_made_of_built_in_types():
    assert all(type(value) in {str, int, bytes, float} for value in Page("x"))
