"""docs/teaching.md: a section for each demo, with a goal, three questions and commands that exist."""

import re
from pathlib import Path

import command_lines
import pytest

from procdemo.catalog import DEMOS

PAGE = (Path(__file__).parents[1] / "docs" / "teaching.md").read_text("utf-8")
_PARTS = re.split(r"^### (.+)$", PAGE.partition("## Homework")[0], flags=re.MULTILINE)[1:]
SECTIONS = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))
LINES = sorted(set(re.findall(r"`procdemo ([^`]+)`", PAGE)))


def test_each_demo_has_a_section_in_the_order_of_the_help():
    assert list(SECTIONS) == [demo.name for demo in DEMOS]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_all_that_a_teacher_needs(name):
    text = SECTIONS[name]
    assert re.search(r"^Goal: .+\. \d+ minutes", text, re.MULTILINE)
    assert re.findall(r"^(\d)\. .+[?]$", text, re.MULTILINE) == ["1", "2", "3"]
    assert re.search(r'^Usual misconception: ".+"', text, re.MULTILINE)
    assert f"`procdemo {name}" in text.partition("\nRun: ")[2]


def test_a_sentence_has_at_most_twenty_words():
    for name, text in SECTIONS.items():
        for sentence in re.split(r"(?<=[.:;?])\s", text.partition("\nRun: ")[0]):
            assert len(sentence.split()) <= 20, (name, sentence)


@pytest.mark.parametrize("line", [line for line in LINES if not re.search("COMMAND|NAME", line)])
def test_its_commands_exist(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.jsonl").touch()
    command_lines.check(line)
