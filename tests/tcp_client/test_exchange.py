"""An exchange, on real pairs of sockets: right in whatever pieces it comes, wrong in whatever way."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procdemo.tcp_client.exchange import _HINTS, EndOfStream, Exchange, ServerFailedError

REFUSAL = b"procdemo: no more today\n"


@pytest.fixture
def ends():
    """Return our end and the server's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


@pytest.fixture
def tcp():
    """Return our end and the server's, of a TCP connection: only that can be reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def sent(message=b"hello", conn=None):
    """Return an exchange whose message has been sent."""
    exchange = Exchange(message)
    if conn:
        exchange.send(conn)
    else:
        exchange.unsent = exchange.unsent[:0]
    return exchange


def failure(act, *args):
    with pytest.raises(ServerFailedError) as caught:
        act(*args)
    return caught.value.kind, str(caught.value)


def feed(exchange, *pieces):
    """Return what the last piece made of it."""
    return [exchange.take(piece) for piece in pieces][-1]


@given(st.binary(min_size=1, max_size=300), st.data())
def test_the_answer_is_whole_with_its_last_byte_in_whatever_pieces(message, data):
    exchange = sent(message)
    answer = message.upper()
    while answer:
        size = data.draw(st.integers(1, len(answer)))
        piece, answer = answer[:size], answer[size:]
        assert exchange.take(piece) is (not answer)
    assert exchange.received == len(message)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_other_byte_is_noticed(message, data):
    answer = bytearray(message.upper())
    place = data.draw(st.integers(0, len(answer) - 1))
    answer[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, place))
    exchange = sent(message)
    if cut:
        exchange.take(bytes(answer[:cut]))
    rest = bytes(answer[cut:])
    if b"procdemo: ".startswith(bytes(answer[place:])):  # it could still become a refusal
        assert not exchange.take(rest)
        assert exchange.too_late(1).kind == "wrong bytes"
    else:
        kind, message = failure(exchange.take, rest)
        assert kind == "wrong bytes"
        assert f"from byte {place} on" in message


def test_the_hints_know_every_kind():
    for kind in _HINTS:
        message, hint = ServerFailedError(kind, "did it").message_and_hint("example.org", 8080)
        assert message == "example.org port 8080 did it"
        assert hint
        assert "{" not in hint


def test_upper_case_is_that_of_bytes():
    assert Exchange("straße é".encode()).wanted == "STRAßE é".encode()


def test_send_and_receive_never_wait(ends):
    ours, theirs = ends
    exchange = Exchange(b"x" * (8 << 20))
    before = 0
    while len(exchange.unsent) != before:
        before = len(exchange.unsent)
        exchange.send(ours)
    assert 0 < before < 8 << 20
    assert not exchange.receive(ours)
    theirs.sendall(b"XX")
    assert not exchange.receive(ours)
    assert (exchange.received, exchange.pieces) == (2, 1)


def test_an_empty_message_is_answered_already(ends):
    assert Exchange(b"").receive(ends[0])


def test_what_follows_the_answer_is_left_for_the_next(ends):
    ours, theirs = ends
    exchange = sent(conn=ours)
    theirs.sendall(b"HELLO!")
    assert exchange.receive(ours)
    assert failure(Exchange(b"next").receive, ours) == (
        "extra bytes",
        "sent bytes that were not asked for: '!'",
    )


def test_what_follows_the_answer_is_noticed_at_once_if_asked_for(ends):
    ours, theirs = ends
    exchange = sent(conn=ours)
    theirs.sendall(b"HELLO!")
    assert failure(exchange.receive, ours, 1)[0] == "extra bytes"


def test_an_answer_to_what_was_not_sent_yet(ends):
    ours, theirs = ends
    theirs.sendall(b"HELLO")
    assert failure(Exchange(b"hello").receive, ours)[0] == "extra bytes"


@pytest.mark.parametrize(
    ("pieces", "kind", "message"),
    [
        ([b"hello"], "wrong bytes", "answered 'hello' instead of 'HELLO', from byte 0 on"),
        ([b"HE", b"Llo"], "wrong bytes", "answered 'lo' instead of 'LO', from byte 3 on"),
        ([b"HELLO\x1b[2J"], "extra bytes", "sent bytes that were not asked for: '\\x1b[2J'"),
        ([REFUSAL], "said no", "says: no more today"),
        ([b"HE" + REFUSAL], "said no", "says: no more today"),
        ([b"HELLO" + REFUSAL], "said no", "says: no more today"),
        ([bytes([byte]) for byte in b"HE" + REFUSAL], "said no", "says: no more today"),
        ([b"p", b"ro", b"X"], "wrong bytes", "answered 'proX' instead of 'HELLO', from byte 0 on"),
        ([b"procdemo: " + b"x" * 991], "said no", f"says: {'x' * 200}... (791 more)"),
        ([b"procdemo: \x1b]0;PWN\x07\n"], "said no", "says: \\x1b]0;PWN\\x07"),
    ],
)
def test_bytes_that_do_not_belong_there(pieces, kind, message):
    assert failure(feed, sent(), *pieces) == (kind, message)


def test_a_refusal_that_is_not_finished_counts_when_the_server_ends_or_is_silent(ends):
    ours, theirs = ends
    for refusal, kind in [(b"procdemo: no", "said no"), (b"proc", "wrong bytes")]:
        exchange = sent()
        assert not exchange.take(refusal)
        assert exchange.too_late(1).kind == kind
    theirs.close()
    assert failure(exchange.receive, ours)[0] == "wrong bytes"


def test_the_end_before_the_answer_is_whole(ends):
    ours, theirs = ends
    exchange = sent(conn=ours)
    theirs.recv(5)
    theirs.sendall(b"HE")
    theirs.close()
    assert not exchange.receive(ours)
    message = "closed the connection after 2 of 5 bytes of the answer"
    assert failure(exchange.receive, ours) == ("closed early", message)


def test_a_reset(tcp):
    ours, theirs = tcp
    exchange = sent(conn=ours)
    reset(theirs)
    message = "reset the connection after 0 of 5 bytes of the answer"
    assert failure(exchange.receive, ours) == ("reset", message)


def test_a_reset_that_send_notices_first_is_still_a_reset(tcp):
    ours, theirs = tcp
    reset(theirs)
    exchange = sent(conn=ours)
    assert not exchange.unsent
    assert failure(exchange.receive, ours)[0] == "reset"


def test_what_a_server_sent_before_it_closed_is_received_though_nothing_can_be_sent(tcp):
    ours, theirs = tcp
    theirs.sendall(REFUSAL)
    theirs.close()
    exchange = Exchange(b"hello")
    for _ in range(3):  # the first send() is answered by a reset
        exchange.unsent = memoryview(b"hello")
        exchange.send(ours)
    assert not exchange.unsent
    assert not exchange.receive(ours)  # as many bytes as are missing, and then the line
    assert failure(exchange.receive, ours) == ("said no", "says: no more today")


def test_silence_names_what_there_is():
    exchange = sent()
    assert str(exchange.too_late(5)) == "was silent: 0 of 5 bytes of the answer within 5 s"
    exchange.take(b"HE")
    assert str(exchange.too_late(0.5)) == "was too slow: 2 of 5 bytes of the answer within 0.5 s"


# --- end


def test_the_end_is_sent_to_the_server_and_its_end_is_waited_for(ends):
    ours, theirs = ends
    end = EndOfStream(ours)
    assert theirs.recv(1) == b""
    assert not end.receive(ours)
    assert end.too_late(1).kind == "never closed"
    theirs.close()
    assert end.receive(ours)


def test_after_the_end_no_more_bytes_are_wanted(ends):
    ours, theirs = ends
    theirs.sendall(b"wait")
    message = "sent bytes that were not asked for: 'wait'"
    assert failure(EndOfStream(ours).receive, ours) == ("extra bytes", message)


def test_after_the_end_a_refusal_is_received_whole(ends):
    ours, theirs = ends
    end = EndOfStream(ours)
    theirs.sendall(b"procdemo: go")
    assert not end.receive(ours)
    assert end.too_late(1).kind == "said no"
    theirs.close()
    assert failure(end.receive, ours) == ("said no", "says: go")


def test_the_end_of_a_connection_that_the_server_has_closed_already(ends):
    ours, theirs = ends
    theirs.close()
    assert EndOfStream(ours).receive(ours)


def test_the_end_of_a_connection_that_the_server_resets(tcp):
    ours, theirs = tcp
    reset(theirs)
    assert failure(EndOfStream(ours).receive, ours)[0] == "reset"
