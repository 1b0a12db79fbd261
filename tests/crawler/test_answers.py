"""An answer belongs to its request: whatever a server sends, no byte of it counts as another page's.

A property (hypothesis): each page has a body of its own, sent in a valid or an invalid mix of
HTTP/1.1 framing (RFC 9112), with interim answers before it, and with bytes behind it that nobody has
asked for, at once or late. Then the crawler has exactly that body, or the page failed, by name.
"""

import contextlib
import socket
from typing import NamedTuple

import pytest
from downloads import forget_origins, get
from hypothesis import example, given, settings
from hypothesis import strategies as st
from web import Web, answer, page

HEAD = b"Content-Type: text/html; charset=utf-8\r\n"


class Sent(NamedTuple):
    """What a server sends for one page: `bytes_of(body)`, and whether that is a valid answer."""

    status_line: bytes
    fields: bytes
    form: str
    valid: bool


VALID = [
    Sent(b"HTTP/1.1 200 OK", b"", "length", True),
    Sent(b"HTTP/1.1 200", b"", "length", True),
    Sent(b"HTTP/1.0 200 OK", b"Connection: keep-alive\r\n", "length", True),
    Sent(b"HTTP/1.1 200 OK", b"Connection: close\r\n", "close", True),
    Sent(b"HTTP/1.1 200 OK", b"", "close", True),
    Sent(b"HTTP/1.0 200 OK", b"", "close", True),
    Sent(b"HTTP/1.1 200 OK", b"", "chunked", True),
    Sent(b"HTTP/1.1 200 OK", b"", "trailers", True),
    Sent(b"HTTP/1.1 200 OK", b"Content-Length: 3\r\n", "chunked", True),  # chunked counts (RFC 9112, 6.3)
    Sent(b"HTTP/1.1 204 No Content", b"Content-Length: 9\r\n", "empty", True),
    Sent(b"HTTP/1.1 304 Not Modified", b"Content-Length: 9\r\n", "empty", True),
    Sent(b"HTTP/1.1 404 Not Found", b"", "length", True),
]
INVALID = [
    *(
        Sent(b"HTTP/1.1 200 OK", b"Content-Length: %s\r\n" % length, "bare", False)
        for length in (b"+5", b"5_0", b"0x5", b"-5", b"abc", b"5, 6", b"5\r\nContent-Length: 6", b"99999")
    ),
    *(
        Sent(b"HTTP/1.1 200 OK", b"Transfer-Encoding: %s\r\n" % coding, "bad chunks", False)
        for coding in (
            b"gzip, chunked",
            b"identity",
            b"chunked, chunked",
            b"chunked\r\nTransfer-Encoding: chunked",
        )
    ),
    *(
        Sent(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked\r\n", form, False)
        for form in (
            "no footer",
            "long chunk",
            "size -1",
            "size +5",
            "size 1_0",
            "size 0x5",
            "cut",
            "cut size",
        )
    ),
    Sent(b"HTTP/1.1 101 Switching Protocols", b"", "bare", False),
    Sent(b"HTTP/1.1 099 What", b"", "length", False),
    Sent(b"HTTP/1.1 20 OK", b"", "length", False),
    Sent(b"HTTP 200 OK", b"", "length", False),
    Sent(b"", b"", "0.9", False),
    Sent(b"HTTP/1.1 200 OK", b"", "head cut off", False),
]
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    b"HTTP/1.1 199 What\r\nContent-Length: 0\r\n\r\n",
]
BEHIND = [b"", b"\r\n", b"garbage", page("of nobody"), INTERIM[0], b"0\r\n\r\n"]


def chunk(data: bytes) -> bytes:
    return b"%x;ext=1\r\n%s\r\n" % (len(data), data)


def bytes_of(sent: Sent, body: bytes) -> bytes:
    """Return the answer with `body`, in the given form."""
    half = len(body) // 2
    head, chunked = sent.status_line + b"\r\n" + HEAD + sent.fields, b"Transfer-Encoding: chunked\r\n"
    whole = chunk(body[:half]) + chunk(body[half:]) if half else chunk(body)
    return {
        "length": head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "close": head + b"\r\n" + body,
        "empty": head + b"\r\n",
        "bare": head + b"\r\n" + body,
        "chunked": head + chunked + b"\r\n" + whole + b"0\r\n\r\n",
        "trailers": head + chunked + b"\r\n" + whole + b"000\r\nX-Hash: 1\r\n\r\n",
        "bad chunks": head + b"\r\n" + whole + b"0\r\n\r\n",
        "no footer": head + b"\r\n%x\r\n" % len(body) + body + b"..0\r\n\r\n",
        "long chunk": head + b"\r\n%x\r\n" % half + body + b"\r\n0\r\n\r\n",
        "size -1": head + b"\r\n-1\r\n" + body,
        "size +5": head + b"\r\n+5\r\n" + body[:5] + b"\r\n0\r\n\r\n",
        "size 1_0": head + b"\r\n1_0\r\n" + body[:16] + b"\r\n0\r\n\r\n",
        "size 0x5": head + b"\r\n0x5\r\n" + body[:5] + b"\r\n0\r\n\r\n",
        "cut": head + b"\r\n" + whole,
        "cut size": head + b"\r\n" + whole + b"0",
        "0.9": body,
        "head cut off": (head + b"Content-Length: 0\r\n\r\n")[:-3],
    }[sent.form]


class Case(NamedTuple):
    """What one page's server does."""

    sent: Sent
    interim: list[bytes]
    behind: bytes
    late: bool
    pieces: int


cases = st.builds(
    Case,
    st.one_of(st.sampled_from(VALID), st.sampled_from(INVALID)),
    st.lists(st.sampled_from(INTERIM), max_size=3),
    st.sampled_from(BEHIND),
    st.booleans(),
    st.integers(1, 4),
)


def server_of(case, body):
    """Return a page that is served as `case` says."""
    stays_open = (
        case.sent.form not in {"close", "bare", "cut", "cut size", "head cut off", "0.9"} and case.sent.valid
    )

    def send(conn, closing):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b"".join(case.interim) + bytes_of(case.sent, body)
        behind = case.behind if stays_open else b""  # else it would belong to the body
        if not case.late:
            data, behind = data + behind, b""
        size = len(data) // case.pieces + 1
        for start in range(0, len(data), size):
            conn.sendall(data[start : start + size])
        if behind:
            conn.sendall(behind)
        return stays_open

    return send


@pytest.fixture(scope="module")
def web():
    with Web({}) as server:
        yield server
    forget_origins()


def check_pages(web, many):
    bodies = [f"<title>{number}</title>{'x' * 40 * number}".encode() for number in range(len(many))]
    for number, (case, body) in enumerate(zip(many, bodies, strict=True)):
        web.pages[f"/{number}"] = server_of(case, body)
    for number, (case, body) in enumerate(zip(many, bodies, strict=True)):
        got = get(f"{web.origin}/{number}")
        right = b"" if case.sent.form == "empty" else body
        if case.sent.valid:
            assert (got.why, got.html) == ("", right), case
            assert got.status == int(case.sent.status_line.split()[1])
        else:
            assert got.why, case
            assert got.html == b""
            assert "bytearray" not in got.why
            assert "b'" not in got.why
            assert "_" not in got.why


@settings(max_examples=60, derandomize=True)
@given(many=st.lists(cases, min_size=1, max_size=4))
@example(many=[Case(VALID[0], [INTERIM[2]], b"", True, 1), Case(VALID[0], [], b"", False, 1)])
@example(many=[Case(VALID[0], [], BEHIND[3], True, 1), Case(VALID[0], [], b"", False, 1)])
def test_a_page_has_its_own_body_or_failed(web, many):
    check_pages(web, many)


@pytest.mark.thorough
@settings(max_examples=1_000, derandomize=True)
@given(many=st.lists(cases, min_size=2, max_size=6))
def test_a_page_has_its_own_body_or_failed_in_any_mix(web, many):
    check_pages(web, many)


@pytest.mark.parametrize("sent", [*VALID, *INVALID], ids=str)
def test_each_form_of_an_answer(web, sent):
    check_pages(web, [Case(sent, [], b"", False, 1)] * 2)


def test_each_page_has_a_connection_of_its_own():
    with Web({"/a": page("a"), "/b": page("b")}) as web:
        assert get(f"{web.origin}/a").status == get(f"{web.origin}/b").status == 200
        assert web.connections == 3  # robots.txt too
        assert web.asked == {"/robots.txt": 1, "/a": 1, "/b": 1}
    forget_origins()


def test_an_answer_that_comes_late_belongs_to_no_page():
    """The server sends a second answer when it hears the next request, wherever that comes from."""
    heard = []

    def first(conn, closing):
        heard.append(conn.dup())  # before the client can ask again
        conn.sendall(page("first"))
        return True

    def second(conn, closing):
        with heard.pop() as stray, contextlib.suppress(OSError):
            stray.sendall(page("of nobody"))
        conn.sendall(page("second"))
        return True

    with Web({"/1": first, "/2": second}) as web:
        titles = [get(f"{web.origin}/{number}").html for number in (1, 2)]
    forget_origins()
    assert [b"first" in titles[0], b"second" in titles[1]] == [True, True]


# --- Content-Encoding


@pytest.mark.parametrize(
    "coding",
    ["", "identity", "none", "utf-8", "UTF-8", "binary", "7bit", "Identity", "identity, none", ",", "x"],
)
def test_a_content_encoding_that_is_none_changes_nothing(coding):
    raw = answer("<title>r</title>").replace(
        b"\r\n", b"\r\nContent-Encoding: " + coding.encode() + b"\r\n", 1
    )
    with Web({"/a": raw}) as web:
        got = get(f"{web.origin}/a")
    forget_origins()
    assert (got.why, got.html) == ("", b"<title>r</title>")


@pytest.mark.parametrize(
    "coding",
    ["gzip", "X-GZip", "compress", "x-compress", "deflate", "br", "zstd", "identity, gzip", "gzip,none"],
)
def test_a_compressed_page_fails_by_name(coding):
    with Web({"/a": answer("?", Content_Encoding=coding)}) as web:
        got = get(f"{web.origin}/a")
    forget_origins()
    assert "compressed" in got.why
