"""Every lesson keeps the contract of CONTRIBUTING, and every row of the notes is in one."""

import ast
import re
import sys

import pytest

from procdemo.lab.lesson import CHAPTERS, FOLDER, SCRIPTS, VERDICTS, lessons

ROWS = {
    f"{chapter}{number}"
    for chapter, last in {"A": 9, "B": 14, "C": 6, "D": 10, "E": 7, "F": 5}.items()
    for number in range(1, last + 1)
}
"""The claims of the teaching notes, by their ids."""

each_lesson = pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: lesson.name)
each_script = pytest.mark.parametrize(
    "script",
    [script for lesson in lessons().values() for script in lesson.scripts],
    ids=lambda script: f"{script.path.parent.name}-{script.kind}",
)


def tables(script):
    return [script.table, *script.table.get("but", ())]


def test_every_row_of_the_notes_is_in_a_lesson():
    rows = {row for lesson in lessons().values() for row in lesson.notes}
    assert rows == ROWS


def test_every_folder_is_a_lesson():
    assert {path.name for path in FOLDER.iterdir() if path.name != "__pycache__"} == set(lessons())


@each_lesson
def test_a_lesson_has_all_its_texts(lesson):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", lesson.name)
    assert lesson.chapter in CHAPTERS
    assert set(lesson.notes) <= ROWS
    assert 5 < len(lesson.title) <= 70
    assert lesson.claim.endswith(".")
    assert 1 <= len(lesson.why) <= 8
    assert all(len(sentence) <= 200 for sentence in (*lesson.why, lesson.claim))
    assert len(lesson.source) > 10
    assert set(re.findall(r"\blesson (\w+(?:-\w+)+)", " ".join(lesson.why))) <= set(lessons())


@each_lesson
def test_a_lesson_has_something_to_run(lesson):
    kinds = [script.kind for script in lesson.scripts]
    assert kinds in (["shows"], ["broken"], ["broken", "fixed"])
    files = {path.stem for path in (FOLDER / lesson.name).glob("*.py")}
    assert files == set(kinds)


@each_script
def test_what_is_expected_can_be_read(script):
    assert script.kind in SCRIPTS
    for table in tables(script):
        assert table.get("verdict", "OK") in VERDICTS
        assert table.keys() <= {
            "verdict",
            "shows",
            "survivors",
            "lost_means",
            "but",
            "start_methods",
            "python",
            "build",
            "system",
        }
        for pattern in table.get("shows", ()):
            re.compile(pattern)
        assert re.fullmatch(r"((>=|<)3\.\d+(\.\d+)?,?)*", table.get("python", ""))
        assert table.get("build", "gil") in {"gil", "free-threaded"}


@each_script
def test_a_broken_script_breaks_somewhere_and_a_fixed_one_nowhere(script):
    verdicts = {table.get("verdict", script.table["verdict"]) for table in tables(script)}
    if script.kind == "broken":
        assert verdicts - {"OK"}
    else:
        assert verdicts == {"OK"} or script.path.parent.name == "thread-increment"


@each_script
def test_a_script_is_short_and_stands_alone(script):
    source = script.path.read_text("utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= 40
    assert max(map(len, source.splitlines())) <= 110
    docstring = ast.get_docstring(tree)
    assert docstring
    assert "\n" not in docstring
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names


@each_lesson
def test_a_script_takes_its_start_method_as_an_argument(lesson):
    for script in lesson.scripts:
        assert ("sys.argv[1:]" in script.path.read_text("utf-8")) == bool(lesson.start_methods)
