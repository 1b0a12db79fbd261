"""--plain: ASCII alone, without colour, and nothing that moves."""

import pexpect
import pytest
from harness import PROCDEMO, run

DEMOS = {
    "spawn": ["spawn", "--work", "0"],
    "prodcons": ["prodcons", "--items", "4", "--work", "0"],
    "crawl-callback": ["crawl-callback", "--max-pages", "3"],
    "selector-server": ["selector-server", "--port", "0", "--workers", "1", "--clients", "2", "--stay", "0"],
    "prefork-server": ["prefork-server", "--port", "0", "--workers", "1", "--clients", "2", "--stay", "0"],
    "pool-server": ["pool-server", "--port", "0", "--workers", "1", "--clients", "2", "--stay", "0"],
}
each_demo = pytest.mark.parametrize(
    "args",
    [
        pytest.param(args, id=name, marks=[] if name in {"prodcons", "pool-server"} else pytest.mark.thorough)
        for name, args in DEMOS.items()
    ],
)


@each_demo
def test_it_draws_with_ascii_and_says_the_same(args):
    plain = run(*args, "--plain", within=30).assert_clean().stdout
    assert plain.isascii()
    usual = run(*args, within=30).assert_clean().stdout
    assert [line for line in usual.splitlines() if line.isalpha()] == [
        line for line in plain.splitlines() if line.isalpha()
    ], "the same tables"


@each_demo
def test_a_terminal_gets_neither_colour_nor_animation(args):
    child = pexpect.spawn(PROCDEMO[0], [*PROCDEMO[1:], *args, "--plain"], timeout=30, dimensions=(24, 100))
    seen = child.read()
    child.close()
    assert child.exitstatus == 0
    assert b"\x1b" not in seen
    assert seen.isascii()


def test_a_screen_that_is_not_plain_does_more():
    """The tests above can fail."""
    assert not run("spawn", "--work", "0", within=30).stdout.isascii()


def test_it_may_stand_before_the_command():
    assert run("--plain", "spawn", "--work", "0", within=30).assert_clean().stdout.isascii()
