"""The event pipe: records arrive whole, and none is lost if a writer is killed."""

import marshal
import os
import re
import select
import signal
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from harness import run

from procdemo.process.record_pipe import LARGEST, RecordTooLargeError, channel

RECORD = ("mark", "name", {"text": "x" * 40}, 123456789, 42, 42, "writer-0")


@pytest.fixture
def ends():
    reader, writer = channel()
    yield reader, writer
    for end in (reader, writer):
        if end._fd >= 0:
            os.close(end._fd)


def read_all(reader):
    """Read until the last writer has closed its end."""
    records = []
    while (batch := reader.read()) is not None:
        records += batch
    return records


def hang_up(end):
    end.close()
    end._fd = -1


def of_size(size):
    """Return a record that has exactly `size` bytes when encoded."""
    empty = len(marshal.dumps(("mark", "big", b""), 2))
    record = ("mark", "big", b"x" * (size - empty))
    assert len(marshal.dumps(record, 2)) == size
    return record


def of_numbers(size):
    """The same without texts, so that nothing can be cut."""
    record = ("mark", "big", [None] * (size - len(marshal.dumps(("mark", "big", []), 2))))
    assert len(marshal.dumps(record, 2)) == size
    return record


# --- one writer


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -1,
        2**70,
        1.5,
        "text",
        "\udcff",
        "",
        b"\x00\xff",
        [1, [2]],
        (1, (2,)),
        {"a": {"b": 1}},
    ],
    ids=repr,
)
def test_every_built_in_type_arrives_as_it_was(ends, value):
    reader, writer = ends
    writer(("mark", "name", {"value": value}))
    [(_, _, data)] = reader.read()
    assert data["value"] == value
    assert type(data["value"]) is type(value)


def test_records_keep_their_order_and_are_read_in_bulk(ends):
    reader, writer = ends
    for number in range(1000):
        writer((*RECORD, number))
    records = reader.read()
    assert [record[-1] for record in records] == list(range(1000))


def test_end_is_told_apart_from_silence(ends):
    reader, writer = ends
    assert not select.select([reader], [], [], 0)[0]
    writer(RECORD)
    hang_up(writer)
    assert reader.read() == [RECORD]
    assert reader.read() is None


def test_a_record_may_be_as_large_as_one_atomic_write(ends):
    reader, writer = ends
    writer(of_size(LARGEST))
    assert reader.read() == [of_size(LARGEST)]


def test_a_larger_record_is_an_error_that_names_it(ends):
    reader, writer = ends
    with pytest.raises(RecordTooLargeError, match=rf"'mark', 'big'.*{LARGEST + 1} bytes.*{LARGEST}"):
        writer(of_numbers(LARGEST + 1))
    writer(RECORD)
    assert reader.read() == [RECORD], "nothing of the large one was written"


def test_many_short_texts_are_not_cut(ends):
    with pytest.raises(RecordTooLargeError):
        ends[1](("mark", "big", ["short"] * 1000))


# --- texts that are too long


@pytest.mark.parametrize("excess", [1, 2, 3, 100, 1_000_000])
@pytest.mark.parametrize("letter", [b"x", "x", "\xe9", "\u20ac", "\U0001f600"], ids=ascii)
def test_a_text_that_is_too_long_loses_its_middle(ends, letter, excess):
    reader, writer = ends
    size = len(letter.encode() if isinstance(letter, str) else letter)
    text = letter * ((LARGEST + excess) // size)
    writer(("mark", "big", {"text": text, "short": "stays"}, 7))
    [(_, _, data, number)] = reader.read()
    assert (data["short"], number) == ("stays", 7)
    ellipsis = "\u2026" if isinstance(letter, str) else "\u2026".encode()
    begin, _, end = data["text"].partition(ellipsis)
    assert text.startswith(begin)
    assert text.endswith(end)
    assert len(marshal.dumps(data, 2)) > LARGEST - 50, "no more than needed is lost"


def test_the_longest_texts_are_cut_wherever_they_are(ends):
    reader, writer = ends
    data = {"a": ["x" * 3000, ("y" * 2500, {"b": b"z" * 500})], "c": "w" * 500}
    writer(("mark", "big", data))
    [(_, _, arrived)] = reader.read()
    first, (second, third) = arrived["a"]
    assert len(first) == len(second) < 2000
    assert (third, arrived["c"]) == ({"b": b"z" * 500}, "w" * 500)


def test_a_text_that_is_not_valid_unicode_is_cut_too(ends):
    reader, writer = ends
    writer(("mark", "big", {"text": "a" * 3000 + "\udcff" * 3000 + "z" * 3000}))
    [(_, _, data)] = reader.read()
    assert data["text"].startswith("aaa")
    assert data["text"].endswith("zzz")


def test_what_marshal_cannot_write_is_an_error(ends):
    reader, writer = ends
    with pytest.raises(ValueError, match="unmarshallable"):
        writer(("mark", "name", {"value": object()}))
    writer(RECORD)
    assert reader.read() == [RECORD]


def test_a_writer_hears_that_the_reader_has_left(ends):
    reader, writer = ends
    hang_up(reader)
    with pytest.raises(BrokenPipeError):
        writer(RECORD)


def test_a_record_cut_anywhere_by_the_read_is_put_together():
    """The reader may see any prefix of the stream: it returns whole records and keeps the rest."""
    reader, writer = channel()
    records = [of_size(100), of_size(41), of_size(300)]
    stream = b"".join(len(body).to_bytes(2, "little") + body for body in map(marshal.dumps, records))
    arrived = []
    for byte in stream:
        os.write(writer._fd, bytes([byte]))
        arrived += reader.read()
    assert arrived == records
    reader.close()
    writer.close()


# --- many writers


def report(writer, me, count):
    for number in range(count):
        writer(("mark", "tick", me, number, "x" * (number % 3000)))


def test_nothing_is_torn_or_lost_between_four_writers(start_method):
    context = get_context(start_method)
    reader, writer = channel()
    count = 3000
    children = [context.Process(target=report, args=(writer, me, count)) for me in range(4)]
    for child in children:
        child.start()
    writer.close()
    records = read_all(reader)
    reader.close()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert all(record[4] == "x" * (record[3] % 3000) for record in records)
    for me in range(4):
        assert [record[3] for record in records if record[2] == me] == list(range(count))


@pytest.mark.parametrize("kills", [150, pytest.param(1500, marks=pytest.mark.thorough)])
def test_killed_writers_tear_nothing_and_lose_nothing_they_wrote(kills):
    """In a program of its own: a process as large as a test's takes long to fork so often."""
    script = os.path.join(str(Path(__file__).parents[1] / "support"), "killed_writers.py")
    result = run(str(kills), program=[sys.executable, script], limit=100).assert_clean()
    told = re.fullmatch(r"killed (\d+), torn (\d+), lost (\d+), arrived (\d+)\n", result.stdout)
    killed, torn, lost, arrived = map(int, told.groups())
    assert (killed, torn, lost) == (kills, 0, 0), result.stdout
    assert arrived >= kills


def test_the_same_check_fails_on_records_beyond_the_atomic_size():
    """The control of the tests above: without the limit, records of several writers are torn."""
    reader, writer = channel()
    big = b"x" * 60_000
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            me = os.getpid()
            record = marshal.dumps(("mark", "big", me, big))
            while True:
                os.write(writer._fd, len(record).to_bytes(2, "little") + record)
        children.append(pid)
    torn = False
    deadline = time.monotonic() + 20
    while not torn and time.monotonic() < deadline:
        try:
            torn = any(len(record) != 4 or record[3] != big for record in reader.read())
        except (EOFError, ValueError, TypeError):
            torn = True
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    reader.close()
    writer.close()
    assert torn
