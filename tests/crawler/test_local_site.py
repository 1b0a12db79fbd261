"""A site of our own, on 127.0.0.1 only: the files of a folder, or the standard library's documentation."""

import contextlib
import http.client
import keyword
import multiprocessing
import os
import pickle
import socket
import struct
import sys
import types
import warnings

import pytest
from canary import Canary
from selectolax.lexbor import LexborHTMLParser

from procdemo.crawler import local_site
from procdemo.crawler.local_site import Answer, Site, folder_site
from procdemo.crawler.stdlib_docs import MODULES, PRIVATE, StdlibDocs
from procdemo.crawler.urls import resolve
from procdemo.demo.events import Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process.record_pipe import channel
from procdemo.process.selector_loop import SelectorLoop


@contextlib.contextmanager
def serving(folder, start_method="fork"):
    """Yield the port of a site, and what it reported."""
    reader, writer = channel()
    loop = SelectorLoop()
    try:
        with Site(multiprocessing.get_context(start_method), folder, loop, Emitter(writer)) as site:
            assert site.url.startswith("http://127.0.0.1:")
            yield int(site.url.rsplit(":", 1)[1].strip("/")), reader
    finally:
        loop.close()
        reader.close()
        writer.close()


def ask(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<title>index</title>")
    (root / "sub" / "index.html").write_text("<title>sub</title>")
    (root / "a b.txt").write_text("text")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted" / "secret").write_text("secret")
    (root / "way-out").symlink_to(tmp_path / "secret")
    (root / "way-in").symlink_to(root / "index.html")
    os.mkfifo(root / "fifo")
    return root


def test_a_folder_is_served(folder, start_method):
    with serving(folder, start_method) as (port, reader):
        ((kind, name, data, *_rest, role),) = reader.read()
        assert (kind, name, data["port"], role) == ("mark", "serving", port, "site")
        status, headers, body = ask(port, "/")
        assert (status, headers["Content-Type"], body) == (200, "text/html", b"<title>index</title>")
        assert ask(port, "/sub/")[2] == b"<title>sub</title>"
        assert ask(port, "/way-in")[0] == 200
        assert ask(port, "/a%20b.txt?x#y")[2] == b"text"
        status, headers, body = ask(port, "/index.html", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, "20", b"")
        status, headers, _ = ask(port, "/sub")
        assert (status, headers["Location"]) == (301, "/sub/")
        assert ask(port, "/index.html", "POST")[0] == 501


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/empty/",
        "/way-out",
        "/fifo",
        "/../secret",
        "/%2e%2e/secret",
        "/sub/../../secret",
        "/..%2fsecret",
        "/../rooted/secret",
        "//etc/passwd",
        "/%00",
        "/index.html/",
        "/index.html/x",
        "/" + "x" * 5000,
    ],
)
def test_a_file_outside_the_folder_is_not_found(folder, path):
    with serving(folder) as (port, _):
        status, _, body = ask(port, path)
    assert status == 404
    assert b"secret" not in body


def test_a_neighbour_with_a_longer_name_is_not_inside(folder):
    (folder.parent / "root2").mkdir()
    (folder.parent / "root2" / "x").write_text("secret")
    (folder / "link").symlink_to(folder.parent / "root2")
    assert folder_site(folder)("/link/x").status == 404


def test_a_redirect_stays_here(folder):
    (folder / "evil.example").mkdir()
    for path in ("//evil.example", "/%0d%0aX: y"):
        assert folder_site(folder)(path).location in {"", "/evil.example/"}


def test_a_connection_answers_many_requests_and_rude_clients_do_no_harm(folder, capfd):
    with serving(folder) as (port, _):
        for rude in (
            b"",
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\n",
            b"\xff" * 70_000,
            b"GET /\x1b[2J HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port)) as conn, contextlib.suppress(OSError):
                conn.sendall(rude)
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(100):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"<title>index</title>"
        connection.close()
    assert capfd.readouterr() == ("", "")


def test_other_hosts_are_not_let_in(folder):
    with serving(folder) as (port, _), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DeprecationWarning("'<x>'"), b"DeprecationWarning: &#x27;&lt;x&gt;&#x27;"),
        (PermissionError(13, "no"), b"PermissionError: "),
    ],
)
def test_a_page_that_cannot_be_made_is_a_500_and_the_next_is_answered(error, says, monkeypatch, tmp_path):
    def site(path):
        if path == "/bad":
            raise error
        return Answer(200, "text/plain", tmp_path / "gone" if path == "/gone" else b"good")

    monkeypatch.setattr(local_site, "folder_site", lambda _: site)
    with (
        serving(tmp_path) as (port, _),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
    ):
        for path, status in (("/bad", 500), ("/good", 200), ("/gone", 500), ("/good", 200)):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert (answer.status, says in body) == (status, path == "/bad")


def test_no_folder(tmp_path):
    with pytest.raises(CannotRunError, match="no such folder"), serving(tmp_path / "none"):
        pass


# --- the documentation of the standard library


@pytest.fixture(scope="module")
def docs():
    return StdlibDocs()


@pytest.mark.thorough
def test_every_link_of_the_docs_leads_somewhere(docs):
    site = "http://127.0.0.1/"
    waiting, seen = [site], {site}
    while waiting:
        url = waiting.pop()
        text = docs.page(url.removeprefix(site[:-1]))
        assert text is not None, url
        for link in LexborHTMLParser(text).css("a[href]"):
            target = resolve((link.attributes["href"] or "").partition("#")[0] or url, url)
            if target and target.startswith(site) and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert len(seen) >= 90
    assert f"{site}private/{PRIVATE}.html" in seen


def test_the_docs_do_not_show_the_environment(docs, monkeypatch):
    monkeypatch.setenv("CANARY", "canary-of-the-environment")
    text = docs.page("/os.html")
    assert "environ</strong> = " in text
    assert "canary" not in text
    assert os.environ["PATH"] not in text


def test_a_module_that_warns_when_it_is_looked_at_has_a_page(monkeypatch):
    class Warns(types.ModuleType):
        @property
        def __version__(self):
            warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
            return "1"

    module = Warns("keyword")
    module.__spec__ = keyword.__spec__
    monkeypatch.setitem(sys.modules, "keyword", module)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "keyword" in StdlibDocs().page("/keyword.html")


@pytest.mark.parametrize(
    "path", ["/none.html", "/os", "/this.html", "/antigravity.html", "/../os.html", "/private/os.html"]
)
def test_there_is_no_other_page(docs, path):
    assert docs.page(path) is None


def test_the_modules_are_in_order_and_do_no_harm():
    assert sorted(set(MODULES), key=lambda name: name.split(".")) == sorted(
        MODULES, key=lambda name: name.split(".")
    )
    assert not {"this", "antigravity", "idlelib", "turtle", "tkinter", "site"} & set(MODULES)


def test_h2_a_pickle_is_no_request(folder, tmp_path):
    canary = tmp_path / "sang"
    with serving(folder) as (port, _):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            song = pickle.dumps(Canary(canary), protocol)
            for message in (song, struct.pack("!i", len(song)) + song, b"POST / HTTP/1.1\r\n\r\n" + song):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as conn:
                    conn.sendall(message)
                    conn.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionResetError):
                        while conn.recv(65536):
                            pass
        assert ask(port, "/")[0] == 200
    assert not canary.exists()
    pickle.loads(song)
    assert canary.exists(), "the canary can sing"
