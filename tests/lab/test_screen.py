"""The screen of a lesson has at most 22 lines at 80 columns, whatever its scripts do."""

import pytest
from selection import some_of

from procdemo.demo.events import META, SUMMARY, Event
from procdemo.demo.states import State
from procdemo.demo.story import compose
from procdemo.lab import demo
from procdemo.lab.lesson import Expectation, lessons
from procdemo.lab.script_runs import ScriptRun
from procdemo.lab.verdict import Report, judge
from procdemo.render.console import Console

PYTHON = "lab", {"command": "lab", "summary": demo.__doc__.splitlines()[0], "observer": 1}


class Screen:
    """Draws the events of a lesson."""

    def __init__(self):
        story = compose(demo)
        self._console = Console(
            story.sentences,
            lanes=(story.lanes, story.threads),
            first=story.first,
            bare=story.bare,
            detail_tables=story.detail_tables,
            lines=story.lines,
        )
        self._time_ns = 0
        self.tell("mark", META, PYTHON[1])

    def tell(self, kind, name, data, *, pid=9, tid=9, role="observer"):
        self._time_ns += 10_000_000
        self._console(Event(kind, name, data, self._time_ns, pid, tid, role))

    def states(self, script, processes, threads):
        """Tell of the processes of a script, with some threads each."""
        for pid in range(processes):
            role = f"child {pid}" if pid else script
            for tid in range(threads):
                data = {"cpu_ms": 0.0, "ready_ms": 0.0, "thread": f"thread {tid}", "ppid": 1}
                for state in (State.BLOCKED, State.GONE):
                    self.tell("state", str(state), data, pid=100 + pid, tid=100 + pid + 1000 * tid, role=role)

    def close(self):
        self._console.close()


def drawn(lesson, capsys, *, processes, found):
    """Return the lines of the screen of a run of `lesson` that had much to say."""
    screen = Screen()
    screen.tell("mark", "lesson", {"name": lesson.name, "title": lesson.title})
    for script in lesson.scripts:
        run = ScriptRun(lesson, script, "fork")
        for _ in range(9):
            screen.tell("mark", "says", {"text": "word " * 30})
        for line in found:
            screen.tell("mark", "found", {"text": line, "short": line})
        report = Report(["really gone: expected 300, got 0"], 0, "", 0.1, 3)
        verdict = judge(report, Expectation("LOST", lost_means=script.table.get("lost_means", "")))
        screen.tell("end", "script", {**run.names(), **verdict.facts()})
        screen.states(script.path.name, processes, threads=3)
        found = ()
    for sentence in lesson.why:
        screen.tell("mark", "why", {"text": sentence})
    screen.tell("result", SUMMARY, {"ok": True, "answer": f"As expected: {'it does' * 10}. (CPython 3.11)"})
    screen.close()
    return capsys.readouterr().out.splitlines()


CIRCLE = (
    "A circle:",
    *(f"  child {n} waits for lock {n}, which child {n + 1} holds (a.py:9)" for n in range(5)),
)
REASON = ("No circle: " + "main waits for a result of the pool, " * 6,)


@pytest.mark.parametrize(
    ("processes", "found"),
    some_of([(3, ()), (12, CIRCLE), (12, REASON)], 2),
    ids=["nothing", "circle", "reason"],
)
def test_each_lesson_is_one_screen(capsys, monkeypatch, processes, found):
    monkeypatch.setenv("COLUMNS", "80")
    for lesson in lessons().values():
        lines = drawn(lesson, capsys, processes=processes, found=found)
        assert len(lines) <= demo.LINES, (lesson.name, "\n".join(lines))
        assert any(lesson.why[0].split()[0] in line for line in lines), "the reason is there"
        assert any(line.startswith("ok: As expected") for line in lines[-2:])
        assert all(any(line.strip() in row for row in lines) for line in found[1:]), "the circle is there"


def test_threads_go_before_processes(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = drawn(lessons()["zombie"], capsys, processes=4, found=())
    assert sum(line.startswith(("broken.py  ", "fixed.py  ", "child ")) for line in lines) >= 3
    assert any("more lanes (-v)" in line for line in lines)
    assert "broken.py fork: 300 zombies (LOST: really gone: expected 300, got 0, 3 left behind)" in " ".join(
        lines
    )
