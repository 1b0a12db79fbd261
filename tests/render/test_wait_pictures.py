"""The wait-for graphs of a page: a box for each thread, an arrow for each wait, the circle, the source."""

import io

import pytest

from procdemo.demo.events import CIRCLE, CODE, OBSERVER, SUMMARY, THREAD, Event
from procdemo.render.console import Console
from procdemo.render.html import Html
from procdemo.render.wait_pictures import sources, wait_pictures

FILE = "/home/ada/bank/transfer.py"


def event(kind, name, **data):
    return Event(kind, name, data, 1_000, 7, 7, OBSERVER)


def row(number, on, *, tid=0, **more):
    usual = {
        "pid": number,
        "tid": tid or number,
        "role": f"child {number}",
        "thread": "thread 2" if tid else "main thread",
        "state": "blocked",
        "file": FILE,
        "line": 13,
        "function": "transfer",
        "source": "with target:",
        "waits_for": "a lock",
        "on": on,
    }
    return event("result", THREAD, **{**usual, **more})


def circle(*threads, **more):
    return event("mark", CIRCLE, threads=list(threads), **more)


def arrows_of(graph):
    at = [(box["pid"], box["tid"]) for box in graph["boxes"]]
    return {(at[begin], at[end], red) for begin, end, red, _ in graph["arrows"]}


TWO_LOCKS = [
    row(1, [[2, 2]], role="main", program="transfer.py", line=25),
    row(2, [[3, 3]], lock="A"),
    row(3, [[2, 2]], lock="B"),
]


def test_two_locks_are_three_boxes_three_arrows_and_a_circle_of_two():
    (graph,) = wait_pictures([*TWO_LOCKS, circle([2, 2], [3, 3])])
    assert [box["pid"] for box in graph["boxes"]] == [2, 3, 1]
    assert graph["circle"] == [0, 1]
    assert arrows_of(graph) == {
        ((1, 1), (2, 2), False),
        ((2, 2), (3, 3), True),
        ((3, 3), (2, 2), True),
    }
    assert [label for *_, label in graph["arrows"]] == ["lock A", "lock B", ""]
    first, *_, main = graph["boxes"]
    assert first["at"] == "transfer.py:13 in transfer"
    assert first["waits"] == "waits for a lock"
    assert main["title"] == "main: transfer.py"


def test_the_circle_of_a_summary_is_that_of_the_only_picture():
    threads = [{"pid": 2, "tid": 2, "file": FILE}, {"pid": 3, "tid": 3}]
    (graph,) = wait_pictures([*TWO_LOCKS, event("result", SUMMARY, ok=True, circle=threads)])
    assert graph["circle"] == [0, 1]
    (graph,) = wait_pictures([*TWO_LOCKS, event("result", SUMMARY, ok=True, circle=[])])
    assert graph["circle"] == []
    assert not any(red for *_, red in arrows_of(graph))


def test_only_the_arrow_to_the_next_one_of_the_circle_is_red():
    rows = [row(1, [[2, 2], [3, 3]]), row(2, [[3, 3]]), row(3, [[1, 1]])]
    (graph,) = wait_pictures([*rows, circle([1, 1], [2, 2], [3, 3])])
    assert arrows_of(graph) == {
        ((1, 1), (2, 2), True),
        ((1, 1), (3, 3), False),
        ((2, 2), (3, 3), True),
        ((3, 3), (1, 1), True),
    }


def test_a_thread_that_waits_for_itself():
    (graph,) = wait_pictures([row(1, [[1, 1]]), circle([1, 1])])
    assert arrows_of(graph) == {((1, 1), (1, 1), True)}


def test_threads_of_one_process_are_told_apart():
    (graph,) = wait_pictures([row(1, [[1, 9]]), row(1, [], tid=9)])
    assert [box["title"] for box in graph["boxes"]] == ["child 1", "child 1, thread 2"]
    assert arrows_of(graph) == {((1, 1), (1, 9), False)}


def test_each_picture_has_its_own_graph_and_the_last_row_of_a_thread_counts():
    events = [
        row(1, [[2, 2]], picture="one"),
        row(2, [], picture="one"),
        row(1, [], picture="two"),
        row(1, [], picture="one", state="sleeping"),
        circle([1, 1], picture="two"),
    ]
    one, two = wait_pictures(events)
    assert (one["name"], len(one["boxes"]), one["arrows"], one["circle"]) == ("one", 2, [], [])
    assert [box["state"] for box in one["boxes"]] == ["sleeping", "blocked"]
    assert (two["name"], len(two["boxes"]), two["circle"]) == ("two", 1, [0])


def test_what_is_not_in_the_picture_has_no_arrow_and_what_is_too_much_is_counted():
    (graph,) = wait_pictures([row(1, [[99, 99]])])
    assert graph["arrows"] == []
    (graph,) = wait_pictures([*(row(number, []) for number in range(1, 50)), row(60, [[1, 1]])])
    assert len(graph["boxes"]) == 24
    assert graph["boxes"][0]["pid"] == 60, "threads that wait for another come first"
    assert graph["more"] == 26


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"pid": "1", "tid": 1},
        {"on": 7},
        {"on": [[1], "x", [1, "2"], None]},
        {"pid": [1]},
        {"file": None},
        {"picture": ["x"]},
    ],
    ids=str,
)
def test_rows_of_another_form_do_no_harm(data):
    strange = event("result", THREAD, **{**TWO_LOCKS[0].data, **data}) if data else event("result", THREAD)
    marks = [
        circle("x", [1], [{}, 2]),
        event("mark", CIRCLE),
        event("mark", CODE, file=1, line="x"),
        event("mark", CODE),
        event("result", SUMMARY, circle=[1, {"pid": []}]),
        event("result", SUMMARY, circle=7),
    ]
    for graph in wait_pictures([strange, *marks]):
        assert graph["arrows"] == []
        assert graph["circle"] == []
    assert sources([strange, *marks]) == []


def test_the_source_has_the_lines_in_which_threads_wait():
    text = "\n".join(f"line {number}" for number in range(1, 14))
    pieces = [
        event("mark", CODE, file=FILE, line=1, text=text),
        event("mark", CODE, file=FILE, line=24, text="\tfor each in both:\n\t\teach.join()"),
        event("mark", CODE, file="other.py", line=1, text="pass"),
    ]
    one, other = sources([*pieces, *TWO_LOCKS, circle([2, 2], [3, 3])])
    assert (one["name"], other["name"]) == ("bank/transfer.py", "other.py")
    lines = {number: (words, names, red) for number, words, names, red in one["lines"]}
    assert list(lines) == [*range(1, 14), 0, 24, 25]
    assert lines[13] == ("line 13", ["child 2", "child 3"], True)
    assert lines[25] == (" " * 16 + "each.join()", ["main: transfer.py (PID 1)"], False)
    assert lines[0] == ("...", [], False)
    assert [names for number, (_, names, _) in lines.items() if number not in {13, 25}] == [[]] * 14


def test_the_screen_has_no_table_of_the_threads(capsys):
    console = Console({})
    for each in (*TWO_LOCKS, event("result", "pages", url="front"), event("result", SUMMARY, ok=True)):
        console(each)
    shown = capsys.readouterr().out
    assert "front" in shown
    assert "transfer" not in shown


def test_the_table_of_the_page_has_only_what_a_person_reads():
    file = io.StringIO()
    file.close = lambda: None
    page = Html(file, {})
    for each in TWO_LOCKS:
        page(each)
    page.close()
    assert '"waits_for":"a lock"' in file.getvalue()
    assert '"on":' not in file.getvalue()
