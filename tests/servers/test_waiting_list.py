"""The clients that wait for a worker: their order, who has left meanwhile, and who serves them at last."""

import socket
from functools import partial

import pytest

from procdemo.demo.events import Emitter, Event
from procdemo.servers.waiting_list import WaitingList, serve_if_there


class Events(list):
    """The events that were reported."""

    def __call__(self, record):
        self.append(Event._make(record))

    def of(self, name):
        return [event.data for event in self if event.name == name]


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def gone():
    return []


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def waiting(events, gone, log):
    return WaitingList(Emitter(events), gone.append, log)


@pytest.fixture
def connect():
    """Return what makes a connection, as its two ends: the client's and ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ends = []

        def pair():
            client = socket.create_connection(listener.getsockname(), 10)
            conn, _ = listener.accept()
            conn.settimeout(10)
            ends.extend((client, conn))
            return client, conn

        yield pair
        for end in ends:
            end.close()


class FakeLog:
    """What stands for a `CrowdLog`: whether clients may be told is set, and what it is told is kept."""

    def __init__(self):
        self.tells, self.served, self.noted = True, 0, []

    def may_tell(self):
        return self.tells

    def count_served(self):
        self.served += 1

    def note_opened(self, client):
        self.noted.append(("opened", client))

    def note_closed(self, client, seconds, outcome):
        self.noted.append(("closed", client, seconds, *outcome))

    def discard(self, client):
        self.noted.append(("discarded", client))


def test_of_one_in_a_crowd_only_the_crowd_is_told_but_it_counts(waiting, log, events, connect):
    log.tells = False
    for name in ("client-0", "client-1"):
        waiting.add(connect()[1], name, must_wait=name == "client-1")
    first = waiting.pop()
    waiting.note_taken(first, "worker-0", 100)
    assert waiting.note_done(first, (0.5, ("client left", 7)))
    waiting.note_free("worker-0", 100)
    second = waiting.pop()
    waiting.note_taken(second, "worker-0", 100)
    waiting.note_lost(second)
    assert not events
    assert (waiting.waited, waiting.same_pid, log.served) == (1, 1, 1)
    assert log.noted == [
        *(("opened", "client-0"), ("closed", "client-0", 0.5, "client left", 7)),
        *(("opened", "client-1"), ("discarded", "client-1")),
    ]


def test_one_in_a_crowd_whose_worker_could_not_serve_it_is_named(waiting, log, connect):
    log.tells = False
    waiting.add(connect()[1], "client-0", must_wait=False)
    assert waiting.note_done(waiting.pop(), None)
    assert log.noted == [("closed", "client-0", 0.0, "its worker could not serve it", 0)]


def test_one_in_a_crowd_that_left_while_it_waited_is_not_said_to_be_served(waiting, log, events, connect):
    log.tells = False
    client, conn = connect()
    waiting.add(conn, "left", must_wait=True)
    client.sendall(b"hello")
    client.close()
    taken = waiting.pop()
    waiting.note_taken(taken, "worker-0", 10)
    answer(conn.dup())
    assert not waiting.note_done(taken, None)
    assert not [what for what, *_ in log.noted if what == "opened"]
    assert events.of("gave up") == [{"client": "left"}]


def answer(conn):
    """Serve a client until it has sent its last."""
    while data := conn.recv(100):
        conn.sendall(data.upper())
    conn.close()


def test_clients_are_served_in_their_order_by_name_and_pid(waiting, events, connect):
    conns = [connect()[1] for _ in range(3)]
    for number, conn in enumerate(conns):
        waiting.add(conn, f"client-{number}", must_wait=number > 0)
    assert [each["place"] for each in events.of("waits")] == [2, 3]
    first = waiting.pop()
    waiting.note_taken(first, "worker-0", 10)
    assert (first.conn, first.client) == (conns[0], "client-0")
    assert events.of("serves") == [{"client": "client-0", "worker": "worker-0", "worker_pid": 10}]
    assert [waiting.pop().client for _ in range(2)] == ["client-1", "client-2"]
    assert waiting.pop() is None


@pytest.mark.parametrize(("pid", "by"), [(10, "the PID"), (11, "another"), (12, "a new")])
def test_it_is_seen_whether_the_pid_that_became_free_serves(waiting, events, connect, pid, by):
    same = pid == 10
    for number in range(2):
        waiting.add(connect()[1], f"client-{number}", must_wait=False)
        waiting.note_taken(waiting.pop(), f"worker-{number}", 10 + number)
    waiting.add(connect()[1], "client-2", must_wait=True)
    waiting.note_free("worker-0", 10)
    waiting.note_taken(waiting.pop(), f"worker-{pid - 10}", pid)
    assert events.of("free") == [{"worker": "worker-0", "worker_pid": 10}]
    (told,) = events.of("serves at last")
    assert (told["client"], told["worker_pid"], told["same_pid"]) == ("client-2", pid, same)
    account = waiting.account()
    assert (account["waited"], account["same_pid"], account["gave_up"]) == (1, same, 0)
    assert account["answer"].startswith(f"1 client waited, and {by} ")


def test_of_several_that_waited_the_workers_are_counted(waiting, connect):
    for name in ("a", "b", "c"):
        waiting.add(connect()[1], name, must_wait=True)
    waiting.note_free("worker-0", 10)
    for pid in (10, 12, 12):
        waiting.note_taken(waiting.pop(), f"worker-{pid}", pid)
    said = "3 clients waited. The PID that became free served 1 of them. A new worker served 1."
    assert waiting.account()["answer"] == said


def test_a_pid_that_has_taken_a_client_since_is_no_more_one_that_became_free(waiting, events, connect):
    for name in ("a", "b"):
        waiting.add(connect()[1], name, must_wait=True)
    waiting.note_free("worker-0", 10)
    for _ in range(2):
        waiting.note_taken(waiting.pop(), "worker-0", 10)
    assert [each["same_pid"] for each in events.of("serves at last")] == [True, False]


def test_if_no_client_waits_nothing_is_said_of_a_free_worker(waiting, events):
    waiting.note_free("worker-0", 10)
    assert not events
    assert waiting.account()["answer"] == "No client had to wait for a worker."


def test_a_client_that_has_left_without_a_word_is_left_out(waiting, events, connect, gone):
    left, there = connect(), connect()
    for name, (_, conn) in {"left": left, "there": there}.items():
        waiting.add(conn, name, must_wait=True)
    left[0].close()
    assert waiting.pop().client == "there"
    assert gone == [left[1]]
    assert events.of("gave up") == [{"client": "left"}]
    account = waiting.account()
    assert account["gave_up"] == 1
    assert account["answer"] == "1 left while waiting."


def test_a_client_that_waited_to_the_end_is_in_the_account(waiting, connect):
    for name in ("served", "there"):
        waiting.add(connect()[1], name, must_wait=name == "there")
    waiting.note_taken(waiting.pop(), "worker-0", 10)
    assert waiting.account()["answer"] == "1 waited to the end without an answer."


def test_a_client_that_has_left_with_a_word_is_not_served(waiting, events, connect):
    client, conn = connect()
    waiting.add(conn, "left", must_wait=True)
    client.sendall(b"hello")
    client.close()
    taken = waiting.pop()
    answer(conn.dup())
    assert not waiting.note_done(taken, None)
    assert events.of("gave up") == [{"client": "left"}]


@pytest.mark.parametrize("half_closed", [True, False])
def test_a_client_that_reads_is_served(waiting, events, connect, half_closed):
    client, conn = connect()
    waiting.add(conn, "there", must_wait=True)
    client.sendall(b"hello")
    if half_closed:
        client.shutdown(socket.SHUT_WR)
    taken = waiting.pop()
    if not half_closed:
        client.shutdown(socket.SHUT_WR)
    answer(conn.dup())
    assert client.recv(100) == b"HELLO"
    assert waiting.note_done(taken, None)
    assert not events.of("gave up")


@pytest.mark.parametrize(
    ("said", "leaves", "served"),
    [(b"", "closes", False), (b"hi", "closes", False), (b"hi", "half-closes", True), (b"hi", "later", True)],
)
def test_a_thread_serves_no_client_that_has_left(connect, said, leaves, served):
    client, conn = connect()
    client.sendall(said)
    if leaves == "closes":
        client.close()
    elif leaves == "half-closes":
        client.shutdown(socket.SHUT_WR)

    def serve():
        if leaves == "later":
            client.shutdown(socket.SHUT_WR)
        answer(conn)

    assert serve_if_there(partial(serve), conn) is served
    assert conn.fileno() < 0, "it is closed"
