"""An exchange, on real socket pairs: right in whatever pieces it comes, wrong in whatever way."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procdemo.tcp_client.exchange import _HINTS, Exchange, Goodbye, ServerFailedError

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


def said(message=b"hello", conn=None):
    """Return an exchange whose message has been sent."""
    talk = Exchange(message)
    if conn:
        talk.say(conn)
    else:
        talk.unsent = talk.unsent[:0]
    return talk


def failure(act, *args):
    with pytest.raises(ServerFailedError) as caught:
        act(*args)
    return caught.value.kind, str(caught.value)


def feed(talk, *pieces):
    """Return what the last piece made of it."""
    return [talk.take(piece) for piece in pieces][-1]


@given(st.binary(min_size=1, max_size=300), st.data())
def test_the_answer_is_whole_with_its_last_byte_in_whatever_pieces(message, data):
    talk = said(message)
    answer = message.upper()
    while answer:
        size = data.draw(st.integers(1, len(answer)))
        piece, answer = answer[:size], answer[size:]
        assert talk.take(piece) is (not answer)
    assert talk.heard == len(message)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_other_byte_is_noticed(message, data):
    answer = bytearray(message.upper())
    place = data.draw(st.integers(0, len(answer) - 1))
    answer[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, place))
    talk = said(message)
    if cut:
        talk.take(bytes(answer[:cut]))
    rest = bytes(answer[cut:])
    if b"procdemo: ".startswith(bytes(answer[place:])):  # it could still become a refusal
        assert not talk.take(rest)
        assert talk.silent(1).kind == "wrong bytes"
    else:
        kind, told = failure(talk.take, rest)
        assert kind == "wrong bytes"
        assert f"from byte {place} on" in told


def test_the_hints_know_every_kind():
    for kind in _HINTS:
        message, hint = ServerFailedError(kind, "did it").told("example.org", 8080)
        assert message == "example.org port 8080 did it"
        assert hint
        assert "{" not in hint


def test_upper_case_is_that_of_bytes():
    assert Exchange("straße é".encode()).wanted == "STRAßE é".encode()


def test_say_and_hear_never_wait(ends):
    ours, theirs = ends
    talk = Exchange(b"x" * (8 << 20))
    before = 0
    while len(talk.unsent) != before:
        before = len(talk.unsent)
        talk.say(ours)
    assert 0 < before < 8 << 20
    assert not talk.hear(ours)
    theirs.sendall(b"XX")
    assert not talk.hear(ours)
    assert (talk.heard, talk.pieces) == (2, 1)


def test_an_empty_message_is_answered_already(ends):
    assert Exchange(b"").hear(ends[0])


def test_what_follows_the_answer_is_left_for_the_next(ends):
    ours, theirs = ends
    talk = said(conn=ours)
    theirs.sendall(b"HELLO!")
    assert talk.hear(ours)
    assert failure(Exchange(b"next").hear, ours) == ("extra bytes", "sent bytes that nobody asked for: '!'")


def test_what_follows_the_answer_is_noticed_at_once_if_asked_for(ends):
    ours, theirs = ends
    talk = said(conn=ours)
    theirs.sendall(b"HELLO!")
    assert failure(talk.hear, ours, 1)[0] == "extra bytes"


def test_an_answer_to_what_was_not_said_yet(ends):
    ours, theirs = ends
    theirs.sendall(b"HELLO")
    assert failure(Exchange(b"hello").hear, ours)[0] == "extra bytes"


@pytest.mark.parametrize(
    ("pieces", "kind", "told"),
    [
        ([b"hello"], "wrong bytes", "answered 'hello' instead of 'HELLO', from byte 0 on"),
        ([b"HE", b"Llo"], "wrong bytes", "answered 'lo' instead of 'LO', from byte 3 on"),
        ([b"HELLO\x1b[2J"], "extra bytes", "sent bytes that nobody asked for: '\\x1b[2J'"),
        ([REFUSAL], "said no", "says: no more today"),
        ([b"HE" + REFUSAL], "said no", "says: no more today"),
        ([b"HELLO" + REFUSAL], "said no", "says: no more today"),
        ([bytes([byte]) for byte in b"HE" + REFUSAL], "said no", "says: no more today"),
        ([b"p", b"ro", b"X"], "wrong bytes", "answered 'proX' instead of 'HELLO', from byte 0 on"),
        ([b"procdemo: " + b"x" * 991], "said no", f"says: {'x' * 200}... (791 more)"),
        ([b"procdemo: \x1b]0;PWN\x07\n"], "said no", "says: \\x1b]0;PWN\\x07"),
    ],
)
def test_bytes_that_do_not_belong_there(pieces, kind, told):
    assert failure(feed, said(), *pieces) == (kind, told)


def test_a_refusal_that_is_not_finished_counts_when_the_server_ends_or_is_silent(ends):
    ours, theirs = ends
    for refusal, kind in [(b"procdemo: no", "said no"), (b"proc", "wrong bytes")]:
        talk = said()
        assert not talk.take(refusal)
        assert talk.silent(1).kind == kind
    theirs.close()
    assert failure(talk.hear, ours)[0] == "wrong bytes"


def test_the_end_before_the_answer_is_whole(ends):
    ours, theirs = ends
    talk = said(conn=ours)
    theirs.recv(5)
    theirs.sendall(b"HE")
    theirs.close()
    assert not talk.hear(ours)
    told = "closed the connection after 2 of 5 bytes of the answer"
    assert failure(talk.hear, ours) == ("closed early", told)


def test_a_reset(tcp):
    ours, theirs = tcp
    talk = said(conn=ours)
    reset(theirs)
    told = "reset the connection after 0 of 5 bytes of the answer"
    assert failure(talk.hear, ours) == ("reset", told)


def test_a_reset_that_say_meets_first_is_still_a_reset(tcp):
    ours, theirs = tcp
    reset(theirs)
    talk = said(conn=ours)
    assert not talk.unsent
    assert failure(talk.hear, ours)[0] == "reset"


def test_what_a_server_said_before_it_left_is_heard_though_nothing_can_be_sent(tcp):
    ours, theirs = tcp
    theirs.sendall(REFUSAL)
    theirs.close()
    talk = Exchange(b"hello")
    for _ in range(3):  # the first send() is answered by a reset
        talk.unsent = memoryview(b"hello")
        talk.say(ours)
    assert not talk.unsent
    assert not talk.hear(ours)  # as many bytes as are missing, and then the line
    assert failure(talk.hear, ours) == ("said no", "says: no more today")


def test_silence_names_what_there_is():
    talk = said()
    assert str(talk.silent(5)) == "was silent: 0 of 5 bytes of the answer within 5 s"
    talk.take(b"HE")
    assert str(talk.silent(0.5)) == "was too slow: 2 of 5 bytes of the answer within 0.5 s"


# --- goodbye


def test_goodbye_tells_the_server_and_waits_for_its_end(ends):
    ours, theirs = ends
    goodbye = Goodbye(ours)
    assert theirs.recv(1) == b""
    assert not goodbye.hear(ours)
    assert goodbye.silent(1).kind == "never closed"
    theirs.close()
    assert goodbye.hear(ours)


def test_goodbye_wants_no_more_bytes(ends):
    ours, theirs = ends
    theirs.sendall(b"wait")
    told = "sent bytes that nobody asked for: 'wait'"
    assert failure(Goodbye(ours).hear, ours) == ("extra bytes", told)


def test_goodbye_hears_a_refusal_to_its_end(ends):
    ours, theirs = ends
    goodbye = Goodbye(ours)
    theirs.sendall(b"procdemo: go")
    assert not goodbye.hear(ours)
    assert goodbye.silent(1).kind == "said no"
    theirs.close()
    assert failure(goodbye.hear, ours) == ("said no", "says: go")


def test_goodbye_to_a_server_that_has_left_already(ends):
    ours, theirs = ends
    theirs.close()
    assert Goodbye(ours).hear(ours)


def test_goodbye_to_a_server_that_resets(tcp):
    ours, theirs = tcp
    reset(theirs)
    assert failure(Goodbye(ours).hear, ours)[0] == "reset"
