"""The glossary: one row for a word, in order, in short sentences, with a command that exists."""

import re
from pathlib import Path

import command_lines
import pytest

ROWS = re.findall(
    r"^\| \*\*(.+?)\*\* \| (.+?) \| `procdemo (.+?)` \|$",
    (Path(__file__).parents[1] / "docs" / "glossary.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_its_words_are_in_order_and_there_once():
    words = [word.lower() for word, _, _ in ROWS]
    assert words == sorted(set(words))
    assert {"pid", "fork", "spawn", "zombie", "orphan", "backlog", "gil", "feeder thread"} <= set(words)


def test_a_sentence_has_at_most_twenty_words():
    for word, meaning, _ in ROWS:
        for sentence in re.split(r"(?<=[.:;])\s", meaning):
            assert len(sentence.split()) <= 20, (word, sentence)


@pytest.mark.parametrize("line", sorted({line for _, _, line in ROWS}))
def test_its_commands_exist(line):
    """tests/cli/test_cli.py and tests/lab run the like; here only the words are checked."""
    command_lines.check(line)
