"""The screen on a real terminal: its width, its colour, and the cursor that comes back."""

import signal

import pexpect
import pytest
from escapes import COLOURED, ESCAPE
from harness import PROCDEMO
from rich.cells import cell_len
from selection import some_of
from terminals import hang_up
from waiting import wait_until

from procdemo.render.console import _BAD, _COLOUR_OF
from procdemo.render.role_colours import _COLOURS


@pytest.fixture
def terminal():
    """Return a function that runs the command in a pseudo-terminal of 80 columns."""
    started = []

    def terminal(*args, **environment):
        child = pexpect.spawn(
            PROCDEMO[0],
            [*PROCDEMO[1:], *args],
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", **environment},
            dimensions=(24, 80),
            timeout=20,
            encoding="utf-8",
        )
        started.append(child)
        return child

    yield terminal
    for child in started:
        child.close(force=True)


def everything(child):
    child.expect(pexpect.EOF)
    child.wait()
    return child.before


def test_a_terminal_gets_colour_and_its_own_width(terminal):
    child = terminal("spawn", "--work", "0")
    output = everything(child)
    assert child.exitstatus == 0
    assert COLOURED.search(output)
    assert max(cell_len(ESCAPE.sub("", line)) for line in output.splitlines()) <= 80


@pytest.mark.parametrize(
    ("environment", "args"),
    some_of(
        [({"NO_COLOR": "1"}, []), ({"TERM": "dumb"}, []), ({"CLICOLOR": "0"}, []), ({}, ["--color", "never"])]
    ),
    ids=repr,
)
def test_f4_a_terminal_without_colour_gets_no_escape_at_all(terminal, environment, args):
    output = everything(terminal("spawn", "--work", "0", *args, **environment))
    assert "4 of 4 children joined" in output
    assert "\x1b" not in output


@pytest.mark.parametrize("signum", some_of([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
def test_f3_the_cursor_comes_back_whatever_ends_it(terminal, signum):
    child = terminal("spawn", "--work", "60")
    child.expect("started|start\\(\\) of")
    child.kill(signum)
    output = everything(child)
    assert child.exitstatus == 128 + signum
    assert output.count("\x1b[?25h") >= output.count("\x1b[?25l")
    assert "\x1b[?1049h" not in output


def test_a9_a_closed_terminal_ends_it(terminal):
    child = terminal("spawn", "--work", "60")
    child.expect("is started")
    hang_up(child)
    wait_until(lambda: not child.isalive(), limit=3)
    assert child.exitstatus == 129 or child.signalstatus == signal.SIGHUP


def test_a_server_on_a_terminal_says_what_to_type_in_another_one(terminal):
    child = terminal("echo-server", "--port", "0")
    child.expect(r"listening 127\.0\.0\.1 (\d+)\r\n")
    child.expect(f"in another terminal: procdemo echo-client --port {child.match[1]} ")
    child.sendintr()
    everything(child)
    lesson = everything(terminal("echo-server", "--port", "0", "--clients", "1", "--stay", "0"))
    assert "in another terminal" not in lesson


def _contrast(colour, other):
    """Return the contrast of two colours (WCAG 2, contrast ratio)."""

    def lightness(hexadecimal):
        shares = [int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((lightness(colour), lightness(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", [*_COLOURS, *_COLOUR_OF.values(), _BAD])
def test_text_can_be_read_on_a_white_projector_and_in_a_dark_terminal(colour):
    assert _contrast(colour, "#ffffff") >= 3.9
    assert _contrast(colour, "#000000") >= 3.9
