"""JSON Lines: the whole run, one object for each event, in printable ASCII."""

import io
import json

import pytest

from procdemo.demo.events import Event
from procdemo.render.jsonl import JsonLines

EVENT = Event("mark", "hello", {"way": "x"}, 123, 42, 43, "main")


def written(*events):
    stream = io.StringIO()
    renderer = JsonLines(stream)
    for event in events:
        renderer(event)
    renderer.close()
    return stream.getvalue()


def test_a_line_is_an_event():
    assert Event(**json.loads(written(EVENT))) == EVENT
    assert written(EVENT, EVENT).count("\n") == 2


@pytest.mark.parametrize("text", ["\x1b]0;PWN\x07", "a\nb\r", "\u202e", "\x7f\x9b", "\udcff", "中文"])
def test_a_line_is_ascii_and_loses_nothing(text):
    line = written(EVENT._replace(data={"text": text}, name=text, role=text))
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    event = Event(**json.loads(line))
    assert event.data["text"] == event.name == event.role == text


@pytest.mark.parametrize("value", [b"\xff\x1b", b"ok", bytearray(b"ok")])
def test_bytes_become_text(value):
    data = json.loads(written(EVENT._replace(data={"value": value})))["data"]
    assert data["value"] == {b"\xff\x1b": r"\xff\x1b"}.get(bytes(value), "ok")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_infinity_and_nan_become_null(value):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    line = written(EVENT._replace(data={"value": value}))
    assert json.loads(line, parse_constant=refuse)["data"]["value"] is None


def test_the_stream_stays_open():
    stream = io.StringIO()
    JsonLines(stream).close()
    assert not stream.closed
