"""One page: all that is known of it, whatever its encoding, over a connection that is kept or checked."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from downloads import forget_origins, get
from web import Web, answer, page

from procdemo.crawler import fetch as fetching
from procdemo.crawler.fetch import Page
from procdemo.crawler.origin import AGENT
from procdemo.crawler.outline import Outline

pytestmark = pytest.mark.usefixtures("fresh_worker")

# --- a page


def test_a_page_has_url_status_size_and_html():
    records = []
    with Web({"/a": page("hello")}) as web:
        got = get(f"{web.origin}/a", emit=records.append)
    assert (got.url, got.final, got.status, got.why, got.skip) == (f"{web.origin}/a",) * 2 + (200, "", "")
    assert got.size == len(got.html)
    assert b"<title>hello</title>" in got.html
    assert got.pid == os.getpid()
    assert [(record[0], record[1]) for record in records] == [("begin", "fetch"), ("end", "fetch")]


def test_a_page_is_made_of_built_in_types():
    assert all(type(value) in {str, int, bytes, float, type(None)} for value in Page("x"))
    assert [type(value) for value in Outline("x")] == [str, type(None), tuple]


def test_the_request_names_the_crawler_and_wants_no_compression():
    with Web({"/a?b=c": page("")}) as web:
        assert get(f"{web.origin}/a?b=c").status == 200
    robots, head = web.heads
    assert robots.startswith("GET /robots.txt HTTP/1.1")
    lines = head.split("\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert f"User-Agent: {AGENT}" in lines
    assert f"Host: 127.0.0.1:{web.port}" in lines
    assert "Accept-Encoding: identity" in lines


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "999 What"])
def test_an_error_status_is_an_answer(status):
    with Web({"/a": answer("" if "204" in status else "sorry", status)}) as web:
        got = get(f"{web.origin}/a")
    assert (got.status, got.why) == (int(status[:3]), "")


def test_only_html_bodies_are_returned():
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
def test_a_page_in_any_encoding_is_returned_as_utf_8(body, kind, text):
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
    forget_origins()
    thread.join()
    listener.close()


def test_a_certificate_is_checked_against_the_name(certificate, monkeypatch):
    with secure_server(certificate) as port:
        assert "CERTIFICATE_VERIFY_FAILED" in get(f"https://localhost:{port}/").why
        fetching._origins.clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        assert get(f"https://localhost:{port}/").status == 200
        assert "not valid for" in get(f"https://127.0.0.1:{port}/").why
