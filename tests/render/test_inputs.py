"""Each input of the security checklist in each place of each renderer; the next line must look normal."""

import io
import json
from xml.etree import ElementTree as ET

import pytest
from inputs import ALL, AS_TEXT, LONG, SHORT, as_text
from oracle import FORBIDDEN

from procdemo.demo.events import ANSWER, Event
from procdemo.demo.text import LIMIT
from procdemo.render import svg
from procdemo.render.console import Console
from procdemo.render.jsonl import JsonLines

STORY = {"greet": "says {text}.", "pages": "{value}"}


def event(kind, name, data, role="child-0", second=1):
    return Event(kind, name, data, second * 1_000_000_000, 42, 42, role)


META = {
    "command": "spawn",
    "summary": "-",
    "python": "3",
    "start_method": "fork",
    "cpus": 2,
    "observer": 1,
    "config": {},
    "chosen": {},
}


def meta(**data):
    return event("mark", "meta", {**META, **data}, "main")


PLACES = {
    "sentence": lambda raw: [event("mark", "greet", {"text": raw})],
    "event without a sentence": lambda raw: [event("mark", as_text(raw), {as_text(raw): raw})],
    "role": lambda raw: [event("mark", "greet", {"text": "-"}, role=as_text(raw)[:15])],
    "bar": lambda raw: [event("begin", as_text(raw), {"text": raw}), event("end", as_text(raw), {})],
    "header": lambda raw: [meta(command=raw, python=raw, chosen={as_text(raw): raw})],
    "where it listens": lambda raw: [event("mark", "listening", {"host": raw, "port": raw})],
    "error": lambda raw: [event("mark", "error", {"message": raw, "hint": raw})],
    "stderr of a child": lambda raw: [event("mark", "stderr", {"text": raw})],
    "answer": lambda raw: [event("mark", ANSWER, {"text": raw})],
    "cell": lambda raw: [event("result", "pages", {"page": raw, "n": 1})],
    "heading": lambda raw: [event("result", as_text(raw), {as_text(raw): 1})],
    "summary": lambda raw: [event("result", "summary", {"ok": True, "reason": raw, as_text(raw): raw})],
}
HONEST = [event("mark", "greet", {"text": "honest"}, second=2), event("result", "summary", {"ok": True})]
HONEST_LINE = "  1.000s child-0         42  says honest."


def each_place(*but):
    return pytest.mark.parametrize("place", [place for place in PLACES if place not in but])


@pytest.fixture
def draw(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)

    def draw(events, **options):
        console = Console(STORY, everything=True, **options)
        for each in (meta(), *events, *HONEST):
            console(each)
        console.close()
        return "".join(capsys.readouterr())

    return draw


@pytest.mark.parametrize("options", [{}, {"colour": False}, {"plain": True}, {"quiet": True}], ids=str)
@each_place()
def test_a_terminal_gets_no_command(draw, place, options):
    for raw in ALL.values():
        output = draw(PLACES[place](raw), **options)
        assert not {c for c in output if not c.isprintable()} - {"\n"}
        assert "quiet" in options or HONEST_LINE in output.splitlines(), "the next line looks normal"


@each_place()
def test_it_can_be_seen(draw, place):
    for name, (raw, shown) in SHORT.items():
        text = {"role", "heading"} & {place} or place.startswith("event")
        wanted = (AS_TEXT[name] if text else shown)[: 15 if place == "role" else None]
        assert wanted.replace("_", " ") in draw(PLACES[place](raw)).replace("_", " "), name


@each_place("answer", "role")
def test_too_much_is_cut_and_counted(draw, place):
    for raw in LONG.values():
        output = draw(PLACES[place](raw))
        assert len(output) < 20_000
        assert "more)" in output or len(raw) <= LIMIT


def test_an_answer_in_a_pipe_is_whole(draw):
    for raw in LONG.values():
        assert f"{raw.decode()}\n" in draw(PLACES["answer"](raw))


@each_place()
def test_json_is_text_that_loses_nothing(place):
    for raw in ALL.values():
        stream = io.StringIO()
        renderer = JsonLines(stream)
        for each in PLACES[place](raw):
            renderer(each)
        for line, each in zip(stream.getvalue().splitlines(), PLACES[place](raw), strict=True):
            assert line.isascii()
            assert line.isprintable()
            read = Event(**json.loads(line))
            assert (read.name, read.role, read.data.keys()) == (each.name, each.role, each.data.keys())
            texts = {key: value for key, value in each.data.items() if isinstance(value, str)}
            assert texts.items() <= {k: v for k, v in read.data.items() if isinstance(v, str)}.items()


def test_bytes_in_json_can_be_seen():
    for raw, shown in SHORT.values():
        stream = io.StringIO()
        JsonLines(stream)(event("mark", "greet", {"text": raw}))
        assert json.loads(stream.getvalue())["data"]["text"] == shown


XML = [b"</text><script>alert(1)</script>", b"&lt; &xx; ]]>", b"\"'><a href=x>"]


@each_place("answer", "error", "stderr of a child")
def test_a_picture_stays_a_picture(place):
    for raw in [*ALL.values(), *XML]:
        screen, picture = svg.screen(), io.StringIO()
        console = svg.Svg(picture, screen, Console(STORY, everything=True, screen=screen))
        for each in (meta(), *PLACES[place](raw), *HONEST):
            console(each)
        console.close()
        drawing = picture.getvalue()
        assert not FORBIDDEN.search(drawing)
        root = ET.fromstring(drawing)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
        assert "says honest." in "".join(root.itertext()).replace("\xa0", " ")
