"""Wait-for graphs for the page: which thread waits for which, the circle, and the lines of the source.

A page has a graph if the events of the run have results `THREAD`, one for each thread at the moment of the
picture. Their data, as in ``procdemo xray --json``:

    picture    optional, the name of the graph that the row belongs to: a run may have several
    pid, tid   the process, and the thread's own number
    role       the name of the process; for ``main`` its ``program`` (optional) is added
    thread     ``main thread``, or the name of another thread; optional
    state      a `procdemo.demo.states.State`, or other words
    file, line, function, source    where it is; an empty ``file`` if that is not known
    waits_for  what it waits for, as it goes on after *waits for*; empty if it does not wait
    on         the threads that it waits for: ``[[pid, tid], ...]``
    lock       optional: the letter of the lock at which it waits

A later row of the same thread and picture replaces an earlier one. The circle is a mark `CIRCLE` with
``picture`` and ``threads: [[pid, tid], ...]``; or the rows ``{"pid": ..., "tid": ...}`` in ``circle`` of the
summary, for a run with one picture. Each of these threads waits for the next, and the last for the first.

A mark `CODE` has a piece of source: ``file`` (the same path as in the rows), the number ``line`` of its first
line, and ``text``. A file may come in several pieces, and with gaps. The page shows all of it, and marks the
lines in which threads wait. Who reports these events has the role `OBSERVER`, and so no lane.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from procdemo.demo.events import CIRCLE, CODE, SUMMARY, THREAD, Event, Kind
from procdemo.demo.text import printable

_MOST = 24  # boxes of a graph
_LONGEST = 200  # characters of a line
_OF_ROW = {"pid": int, "tid": int, "role": str, "state": str, "file": str, "line": int, "function": str}
_OF_ROW |= {"waits_for": str}
_OF_CODE = {"file": str, "line": int, "text": str}
_SHOWN = ("role", "pid", "thread", "tid", "state", "line", "waits_for")

Node = tuple[int, int]
"""A thread: its process, and its own number."""


class _Picture(NamedTuple):
    rows: dict[Node, Mapping[str, Any]]
    circle: list[Node]


def wait_pictures(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the graphs of a run as the page's script needs them.

    Returns:
        for each its ``name``, its ``boxes`` (those of the circle first), the numbers of the boxes in the
        ``circle``, in its order; its ``arrows`` as (from, to, whether in the circle, label); and how many
        threads are left out (``more``).
    """
    return [_drawn(name, picture) for name, picture in _pictures(events).items() if picture.rows]


def sources(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the source of a run's programs.

    Returns:
        for each file its ``name`` and its ``lines``: number, text, the names of the threads that wait in it,
        and whether one of them is in a circle. A gap is a line with the number 0.
    """
    events = list(events)
    files: dict[str, dict[int, str]] = defaultdict(dict)
    for event in events:
        if event.kind == Kind.MARK and event.name == CODE and _has(event.data, _OF_CODE):
            pieces = enumerate(event.data["text"].split("\n"), start=event.data["line"])
            files[event.data["file"]].update(pieces)
    waiting: dict[tuple[str, int], list[tuple[str, bool]]] = defaultdict(list)
    for picture in _pictures(events).values():
        for node, row in picture.rows.items():
            name = _title(row)
            name += "" if str(row["pid"]) in name else f" (PID {row['pid']})"
            waiting[row["file"], row["line"]].append((name, node in picture.circle))
    drawn = []
    for file, lines in files.items():
        shown: list[tuple[int, str, list[str], bool]] = []
        for number in sorted(lines):
            if shown and number != shown[-1][0] + 1:
                shown.append((0, "...", [], False))
            here = waiting[file, number]
            text = printable(lines[number].expandtabs(), _LONGEST)
            shown.append((number, text, [name for name, _ in here], any(red for _, red in here)))
        drawn.append({"name": printable("/".join(file.rsplit("/", 2)[-2:])), "lines": shown})
    return drawn


def row_of_table(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the graph as a row of a table."""
    return {key: data[key] for key in ("picture", *_SHOWN) if key in data}


def _pictures(events: Iterable[Event]) -> dict[str, _Picture]:
    """Return the rows and the circle of each picture; what has another form is left out."""
    found: dict[str, _Picture] = defaultdict(lambda: _Picture({}, []))
    for event in events:
        data = event.data
        picture = found[str(data.get("picture", ""))]
        if event.kind == Kind.RESULT and event.name == THREAD and _has(data, _OF_ROW):
            picture.rows[data["pid"], data["tid"]] = data
        elif event.kind == Kind.MARK and event.name == CIRCLE:
            picture.circle[:] = _nodes(data.get("threads"))
        elif event.kind == Kind.RESULT and event.name == SUMMARY and data.get("circle"):
            rows = data["circle"] if isinstance(data["circle"], list) else []
            picture.circle[:] = _nodes(
                [[row.get("pid"), row.get("tid")] for row in rows if isinstance(row, dict)]
            )
    return found


def _nodes(threads: Any) -> list[Node]:
    """Return threads from their lists of two numbers."""
    pairs = threads if isinstance(threads, list | tuple) else []
    return [
        (pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, list | tuple) and [*map(type, pair)] == [int, int]
    ]


def _has(data: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(isinstance(data.get(key), type_) for key, type_ in types.items())


def _drawn(name: str, picture: _Picture) -> dict[str, Any]:
    rows = picture.rows
    circle = [node for node in picture.circle if node in rows]
    first = [
        *circle,
        *(node for node, row in rows.items() if _nodes(row.get("on"))),
    ]  # the others wait for no thread
    nodes = list(dict.fromkeys([*first, *rows]))
    more = len(nodes) - _MOST
    places = {node: place for place, node in enumerate(nodes[:_MOST])}
    following = dict(zip(circle, circle[1:] + circle[:1], strict=True))
    arrows = []
    for node, place in places.items():
        label = f"lock {rows[node]['lock']}" if rows[node].get("lock") else ""
        on = [other for other in dict.fromkeys(_nodes(rows[node].get("on"))) if other in places]
        arrows += [(place, places[other], following.get(node) == other, label) for other in on]
    return {
        "name": printable(name),
        "boxes": [_box(rows[node]) for node in places],
        "circle": [places[node] for node in circle if node in places],
        "arrows": arrows,
        "more": max(more, 0),
    }


def _box(row: Mapping[str, Any]) -> dict[str, Any]:
    at = f"{row['file'].rpartition('/')[2]}:{row['line']} in {row['function']}" if row["file"] else ""
    return {
        "pid": row["pid"],
        "tid": row["tid"],
        "title": _title(row),
        "state": printable(row["state"]),
        "at": printable(at, _LONGEST),
        "source": printable(row.get("source", ""), _LONGEST),
        "waits": printable(f"waits for {row['waits_for']}" if row["waits_for"] else "", 2 * _LONGEST),
    }


def _title(row: Mapping[str, Any]) -> str:
    """Return what a thread is called in the picture, without its numbers."""
    program = f": {row['program']}" if row["role"] == "main" and row.get("program") else ""
    thread = "" if row["tid"] == row["pid"] else f", {row.get('thread') or 'thread'}"
    return printable(f"{row['role']}{program}{thread}", 60)
