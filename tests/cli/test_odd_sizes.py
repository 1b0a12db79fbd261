"""Sizes of a terminal that are no sizes count as unset."""

import fcntl
import os
import pty
import re
import struct
import termios

import pytest
from escapes import CONTROL
from harness import PROCDEMO, run

from procdemo.process.inherited import forget_odd_sizes

ODD = ["0", "-1", "00000", "", " ", "abc", "80.5", "1e3", "0x50", "²", "٣", "65536", "9" * 30, "+80", "8 0"]
SIZES = ["1", "7", "80", "65535"]


@pytest.mark.parametrize("name", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("value", ODD)
def test_what_is_no_size_is_forgotten(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    forget_odd_sizes()
    assert name not in os.environ


@pytest.mark.parametrize("value", SIZES)
def test_a_size_is_kept(monkeypatch, value):
    monkeypatch.setenv("COLUMNS", value)
    monkeypatch.setenv("LINES", value)
    forget_odd_sizes()
    assert os.environ["COLUMNS"] == os.environ["LINES"] == value


def on_terminal(args, environment, rows, columns):
    """Run the command on a terminal of this size; return the lines that it writes, without escapes."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "CI"}}
        os.execvpe(PROCDEMO[0], [*PROCDEMO, *args], {**kept, "TERM": "xterm", **environment})
    said = b""
    try:
        while piece := os.read(fd, 65536):
            said += piece
    except OSError:  # the end of a terminal (EIO)
        pass
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0, said
    return re.split(r"[\r\n]+", CONTROL.sub("", said.decode()))


MORE = [
    ({"COLUMNS": "0", "LINES": "0"}, 0, 0),
    ({"COLUMNS": "-1", "LINES": "x"}, 24, 80),
    ({"COLUMNS": "99999999999"}, 24, 80),
    ({"LINES": "0"}, 24, 80),
    ({}, 0, 80),
    ({}, 24, 0),
]


def thorough(values):
    return pytest.param(*values, marks=pytest.mark.thorough)


SHORT = ["prodcons", "--items", "2", "--work", "0", "--live"]


@pytest.mark.parametrize(
    ("environment", "rows", "columns"),
    [
        ({"COLUMNS": "0"}, 24, 80),
        ({}, 0, 0),
        *map(thorough, MORE),
    ],
    ids=str,
)
def test_a_terminal_without_a_size_shows_all(environment, rows, columns):
    said = on_terminal(SHORT, environment, rows, columns)
    assert any("produced 2 = done 2" in line for line in said)
    assert max(map(len, said)) <= 80


@pytest.mark.parametrize("value", ["0", *map(thorough, [["-3"], ["none"]])])
def test_a_pipe_without_a_width_breaks_no_line(value):
    usual = run("spawn", "-h").stdout
    assert run("spawn", "-h", env={"COLUMNS": value}).assert_clean().stdout == usual
    lines = run("race", "--all", env={"COLUMNS": value}).assert_clean().stdout.splitlines()
    assert max(map(len, lines)) > 120
