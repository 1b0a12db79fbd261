"""No text from outside can send a command to a terminal."""

from pathlib import Path
from signal import SIGKILL

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procdemo.demo.settings import StartMethod
from procdemo.demo.text import LIMIT, printable, quoted, reason_of

HOSTILE = {
    "window title, BEL": "\x1b]0;PWN\x07",
    "window title, ST": "\x1b]0;PWN\x1b\\",
    "clipboard": "\x1b]52;c;ZWNobyBoaQ==\x07",
    "hyperlink": "\x1b]8;;file:///etc/passwd\x1b\\ok\x1b]8;;\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "overwrite the lines above": "\x1b[10A\x1b[2K",
    "make the terminal type": "\x1b[6n",
    "reset": "\x1bc",
    "device control": "\x1bPq\x1b\\",
    "unterminated": "\x1b]",
    "C1 in UTF-8": b"\xc2\x9b31m",
    "C1 raw": b"\x9b31m",
    "C1 in a str": "\x9b31m",
    "right to left": "\u202egnp.exe",
    "isolate": "\u2066",
    "zero width": "\u200b",
    "byte order mark": "\ufeff",
    "line separators": "a\u2028b\u2029c\x85d",
    "controls": "\x00\x08\x0b\x0c\x7f",
    "carriage return": "a\rb",
    "newline": "a\nb",
    "tab": "a\tb",
    "lone surrogate": "\udcff",
    "not UTF-8": b"\xff\xfe\x80\xc3\x28\xed\xa0\x80[/]",
}
HARMLESS = [
    "[/]",
    "[/foo]",
    "[bold]",
    "[link=file:///etc/passwd]x[/link]",
    "[@click=app.bell]x[/]",
    ":skull:",
    "\\",
    "a\\",
    "[" * LIMIT,
    "e" + "\u0301" * (LIMIT - 1),  # combining accents are printable, and all on one letter
    "naïve, 中文, ✓",
    "",
]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_terminal_commands_become_visible_text(value):
    shown = printable(value)
    assert shown.isprintable()
    assert "\\" in shown


@pytest.mark.parametrize("value", HARMLESS)
def test_printable_text_is_unchanged(value):
    assert printable(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb\n", r"a\rb\n"),
        ("\u202egnp", r"\u202egnp"),
        ("\udcff", r"\udcff"),
        (b"\xff!", r"\xff!"),
        (b"\xc2\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
        (None, "None"),
        (1.5, "1.5"),
        (bytearray(b"ok"), "ok"),
        (["a", 1, None], "a, 1, None"),
        (("it's", b"\xff", Path("x")), r"it's, \xff, x"),
        ({"a": 1, "b": ["c", "d"]}, "a 1, b c, d"),
        ({3}, "3"),
        ([], ""),
        ((SIGKILL, StartMethod.FORK), "9, fork"),
        ([Path("\x1b")], r"\x1b"),
    ],
)
def test_escapes_are_those_of_python(value, shown):
    assert printable(value) == shown


def test_a_list_that_is_nested_too_deeply_is_cut():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert printable(deep) == "..."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), "No such file or directory"),
        (OSError("timed out"), "timed out"),
        (ValueError("no"), "no"),
        (EOFError(), "EOFError"),
    ],
)
def test_the_reason_of_an_error_has_neither_a_number_nor_brackets(error, reason):
    assert reason_of(error) == reason


def test_a_word_in_a_message_is_short_and_printable():
    assert quoted("it's\n") == r"'it's\n'"
    assert len(quoted("x" * 1_000)) < 120


def test_a_megabyte_is_cut_and_the_number_of_missing_characters_is_shown():
    assert printable("x" * 1_000_000) == "x" * LIMIT + "... (998,000 more)"
    assert printable(b"x" * 1_000_000) == "x" * LIMIT + "... (998,000 more)"
    assert printable("x" * LIMIT) == "x" * LIMIT
    assert printable("\x1b" * 10, limit=3) == r"\x1b\x1b\x1b... (7 more)"


def test_bytes_cut_within_a_character_stay_harmless():
    assert printable("é".encode() * 100, limit=10).startswith("é" * 10)
    assert printable(("x" + "中" * 100).encode(), limit=5).isprintable()


@given(st.one_of(st.text(st.characters(), max_size=300), st.binary(max_size=300)), st.integers(0, 300))
def test_the_result_is_always_printable_and_bounded(value, limit):
    shown = printable(value, limit)
    assert shown.isprintable()
    assert len(shown) <= 10 * limit + len("... (300 more)")


@given(st.text(st.characters(categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp"]), min_size=1, max_size=50))
def test_no_character_of_a_control_category_gets_through(value):
    assert not set(value) & set(printable(value))
