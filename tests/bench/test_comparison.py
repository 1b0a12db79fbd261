"""Every round has every design, until the time is up; and the figures are judged."""

import json
import random
import time
from itertools import pairwise

import pytest

from procdemo.bench.comparison import BenchSettings, Design, Spread, _goes_on, compare
from procdemo.demo.events import Emitter, Event
from procdemo.demo.settings import CannotRunError
from procdemo.process.usage import BUSY


class Recorder:
    """Keeps the events."""

    def __init__(self):
        self.events = []
        self.emit = Emitter(lambda record: self.events.append(Event(*record)))

    def rows(self, table):
        return [event.data for event in self.events if (event.kind, event.name) == ("result", table)]

    def order(self):
        return [event.data["design"] for event in self.events if event.kind == "begin"]


def measure(figures, budget=0.1, **options):
    """Compare designs whose samples are given, within `budget` seconds."""
    recorder = Recorder()
    samples = {name: iter(values) for name, values in figures.items()}
    designs = [Design(name, lambda name=name: next(samples[name])) for name in figures]
    settings = BenchSettings(budget=budget, compare=options.pop("before", None))
    try:
        return recorder, compare(designs, "eggs", settings, recorder.emit, **options)
    except StopIteration:
        pytest.fail("more rounds than samples")


def slow(value, seconds):
    """Yield `value` for ever, each after so much work."""
    while True:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
        yield value


def test_median_low_high_ratio_and_bar_the_best_first():
    recorder, found = measure({"a": slow(2, 0.012), "b": slow(8, 0.012), "c": slow(4, 0.012)})
    assert [row["design"] for row in recorder.rows("eggs")] == ["b", "c", "a"]
    assert recorder.rows("eggs")[1] == {
        "design": "c",
        "median": 4,
        "low": 4,
        "high": 4,
        "ratio": 0.5,
        "bar": 0.5,
        "samples": found.summary["rounds"],
    }
    assert found.spreads["a"] == Spread(2, 2, 2, found.summary["rounds"])
    assert found.summary["best"] == "b"
    assert found.summary["ok"]


def test_where_less_is_better_the_least_comes_first():
    recorder, found = measure({"a": slow(2, 0.02), "b": slow(8, 0.02)}, most=False)
    assert [(row["design"], row["ratio"], row["bar"]) for row in recorder.rows("eggs")] == [
        ("a", 1, 0.25),
        ("b", 4, 1),
    ]
    assert found.summary["best"] == "a"


def test_each_round_has_each_design_once_in_an_order_of_its_own():
    recorder, found = measure({name: slow(1, 0.0001) for name in "abcde"}, budget=0.5)
    order = recorder.order()
    rounds = [tuple(order[place : place + 5]) for place in range(0, len(order), 5)]
    assert found.summary["rounds"] == len(rounds) > 1
    assert {tuple(sorted(each)) for each in rounds} == {tuple("abcde")}
    assert len(set(rounds)) > 1


@pytest.mark.parametrize(
    ("seconds", "rounds", "longest", "more"),
    [
        (0, 0, 0, True),
        (5, 0, 0, True),
        (0.5, 7, 0.5, True),
        (0.6, 7, 0.5, False),
        (1.5, 2, 0.5, True),
        (1.5, 3, 0.5, False),
        (1.6, 2, 0.5, False),
        (1.6, 1, 1.6, False),
    ],
)
def test_three_rounds_are_the_least_unless_they_take_twice_the_budget(seconds, rounds, longest, more):
    assert _goes_on(seconds, rounds, longest, budget=1.0) == more


def test_one_round_at_least_and_no_more_than_twice_the_budget_allows():
    _, found = measure({"a": slow(1, 0.3)}, budget=0.1)
    assert found.summary["rounds"] == 1


@pytest.mark.parametrize(
    ("now", "expected"),
    [(slow(20, 0.02), "better"), (slow(5, 0.02), "worse"), (slow(11, 0.02), "within the noise")],
    ids=["better", "worse", "noise"],
)
def test_what_has_changed_since_an_earlier_run(tmp_path, now, expected):
    file = tmp_path / "old.jsonl"
    file.write_text(log("eggs", design="a", median=10, low=9, high=12, samples=9, ratio=1, bar=1))
    recorder, found = measure({"a": now, "new": slow(1, 0.001)}, before=file)
    (change,) = recorder.rows("changes")
    assert (change["design"], change["was"]) == ("a", 10)
    if found.summary["others"] > BUSY:
        assert change["verdict"] == "no verdict"
        assert found.summary["verdict"].startswith("no verdict")
        assert found.summary["outcome"] == "not conclusive"
    else:
        assert change["verdict"] == expected
        assert found.summary["verdict"].startswith(f"{int(expected != 'within the noise')} of 1")


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (Spread(13, 12.1, 14, 5), "better"),
        (Spread(13, 12, 14, 9), "within the noise"),
        (Spread(13, 12.1, 14, 4), "within the noise"),
        (Spread(15, 13.6, 16, 4), "better"),
        (Spread(15, 13.6, 16, 3), "within the noise"),
        (Spread(5, 4, 6, 3), "within the noise"),
        (Spread(5, 4, 5.9, 3), "worse"),
        (Spread(99, 99, 99, 2), "too few rounds"),
    ],
)
def test_few_samples_must_lie_further_apart(now, verdict):
    """Chance alone must not look like a change: two ranges of three samples lie apart once in ten times."""
    assert now.judge(Spread(10, 9, 12, 9), most=True) == verdict


def test_three_of_the_same_kind_are_hardly_ever_told_apart():
    draw = random.Random(7).gauss

    def three():
        return sorted(draw(100, 5) for _ in range(3))

    spreads = [Spread(middle, low, high, 3) for low, middle, high in (three() for _ in range(20_000))]
    told = sum(one.judge(other, most=True) != "within the noise" for one, other in pairwise(spreads))
    assert told < 0.015 * len(spreads)


def log(table, **row):
    def event(kind, name, data):
        return {"kind": kind, "name": name, "data": data, "time_ns": 1, "pid": 1, "tid": 1, "role": "main"}

    meta = event("mark", "meta", {"schema": 1, "command": "bench start", "config": {}, "chosen": {}})
    rows = [meta, event("result", table, row), event("result", "summary", {"ok": True})]
    return "\n".join(map(json.dumps, rows)) + "\n"


@pytest.mark.parametrize("content", ["", "x\n", log("bacon", design="a", median=1, low=1, high=1, samples=1)])
def test_a_file_that_is_no_earlier_run(tmp_path, content):
    file = tmp_path / "old.jsonl"
    file.write_text(content)
    with pytest.raises(CannotRunError) as caught:
        measure({"a": slow(1, 0.02)}, before=file)
    assert caught.value.exit_code == 2
    assert str(file) in str(caught.value)
