"""Bodies and heads without end or sense are cut at the cap, or are a failure with a reason."""

import resource

import pytest
from downloads import get
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
    raw,
    stay_silent,
)

pytestmark = pytest.mark.usefixtures("fresh_worker")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("body", [GIB_OF_CHUNKS, TWO_GIB_SENT])
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
        (TWO_GIB_CLAIMED, "received 3 bytes, expected 2147483648"),
        (MANY_HEADERS, "too long"),
        (LONG_HEADER, "too long"),
        (hang_up, "closed the connection without an answer"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "illegal status line"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc"), "bad Content-Length"),
        (CHUNK_OF_MINUS_ONE, "illegal chunk header"),
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
        got = get(f"{web.origin}/a", patience=0.5 if body is stay_silent else 5.0)
    assert got.why
    assert why in got.why
    assert not got.skip
    assert peak() - before < 32


@pytest.mark.thorough
def test_a_page_that_takes_too_long_to_parse_is_refused():
    with Web(
        {"/a": answer("<div>" * 40_000), "/b": answer("<a " * 20_000), "/c": answer("<!--" * 20_000)}
    ) as web:
        got = get(f"{web.origin}/a")
        assert "parse" in got.why
        assert got.status == 200
        for path in "bc":
            assert get(f"{web.origin}/{path}").why == ""
