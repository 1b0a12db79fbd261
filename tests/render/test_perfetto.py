"""The trace is in the form that Perfetto reads."""

import io
import json
from collections import Counter, defaultdict

import pytest
from harness import run
from selection import some_of

from procdemo.demo.events import Event
from procdemo.render.perfetto import Perfetto

NEEDED = {
    "M": {"name", "pid", "args"},
    "X": {"name", "pid", "tid", "ts", "dur", "args"},
    "i": {"name", "pid", "tid", "ts", "s", "args"},
    "C": {"name", "pid", "ts", "args"},
    "s": {"name", "pid", "tid", "ts", "id", "cat"},
    "f": {"name", "pid", "tid", "ts", "id", "cat", "bp"},
    "b": {"name", "pid", "tid", "ts", "id", "cat"},
    "e": {"name", "pid", "tid", "ts", "id", "cat"},
}
DEMOS = {
    "prodcons": "--items 12 --work 0.001",
    "pool-server": "--port 0 --workers 1 --clients 4 --stay 0.01",
    "crawl-callback": "--max-pages 5",
    "supervise": "--items 20 --work 0.1 --kill worker-0@0.05",
    "gil": "--seconds 0.05 --work wait",
}


def event(at, kind, name, pid=1, *, tid=0, **data):
    return Event(kind, name, data, at * 1000, pid, tid or pid, f"role-{pid}")


def trace(*events):
    file = io.StringIO()
    file.close = lambda: None
    renderer = Perfetto(file)
    for each in events:
        renderer(each)
    renderer.close()
    return json.loads(file.getvalue())


def rows(document, phase):
    return [row for row in document["traceEvents"] if row["ph"] == phase]


def check(document):
    """Assert that it is a trace: fields, spans that nest, flows that begin and end in spans."""
    tracks = defaultdict(list)
    for row in document["traceEvents"]:
        assert row.keys() >= NEEDED[row["ph"]], row
        assert row.get("ts", 0) >= 0
        assert row.get("dur", 0) >= 0
        if row["ph"] == "X":
            tracks[row["pid"], row["tid"]].append(row)
    for bars in tracks.values():
        around = []
        for bar in sorted(bars, key=lambda bar: (bar["ts"], -bar["dur"])):
            while around and around[-1] <= bar["ts"] + 1e-3:  # sums of floating-point numbers
                around.pop()
            end = bar["ts"] + bar["dur"]
            assert not around or end <= around[-1] + 1e-3, bar
            around.append(end)
    for phase in "sf":
        for flow in rows(document, phase):
            assert any(bar["ts"] == flow["ts"] for bar in tracks[flow["pid"], flow["tid"]]), flow
    starts, ends = (Counter(row["id"] for row in rows(document, phase)) for phase in "sf")
    assert starts == ends
    assert set(starts.values()) <= {1}


def test_a_span_a_mark_and_a_counter():
    document = trace(
        event(1, "begin", "work", x=1),
        event(2, "mark", "tick"),
        event(3, "count", "depth", value=4),
        event(5, "end", "work"),
    )
    check(document)
    (bar,) = rows(document, "X")
    assert (bar["ts"], bar["dur"], bar["args"]) == (0, 4, {"x": 1})
    assert rows(document, "i")[0]["name"] == "tick"
    assert rows(document, "C")[0]["args"] == {"value": 4}


def test_spans_that_overlap_have_tracks_of_their_own():
    events = [event(1, "begin", "a"), event(2, "begin", "b"), event(3, "end", "a"), event(4, "end", "b")]
    document = trace(*events)
    check(document)
    assert [row["name"] for row in rows(document, "X")] == ["a"]
    assert [row["name"] for row in rows(document, "b")] == ["b"]


def test_a_flow_begins_and_ends_in_spans_even_at_the_edge_of_one():
    events = [event(1, "send", "bun", 1, id=3), event(1, "begin", "work", 1), event(2, "begin", "eat", 2)]
    document = trace(*events, event(3, "end", "eat", 2), event(3, "receive", "bun", 2, id=3))
    check(document)
    assert len(rows(document, "s")) == len(rows(document, "f")) == 1


def test_processes_are_named_main_first():
    main = Event("mark", "x", {}, 2, 20, 20, "main")
    names = {
        row["pid"]: row["args"]["sort_index"]
        for row in rows(trace(event(1, "mark", "x"), main), "M")
        if "sort" in row["name"]
    }
    assert names == {20: 0, 1: 1}


def test_text_from_outside_is_printable():
    text = json.dumps(trace(event(1, "mark", "\x1b[2J", **{"\u202e": "\x00</script>"})), ensure_ascii=False)
    assert text.isprintable()


@pytest.mark.parametrize("name", some_of(DEMOS))
def test_every_demo_makes_a_trace(name, tmp_path):
    file = tmp_path / "run.json"
    run(name, *DEMOS[name].split(), "-o", str(file), "-q").assert_clean(0)
    document = json.loads(file.read_text())
    check(document)
    assert rows(document, "X")
    assert document["otherData"]["command"] == name
