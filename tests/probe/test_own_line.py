"""The program's own line, its text, and the blocks of locks around it."""

import itertools
import os
import subprocess
import sys
import sysconfig
import time

import pytest

from procdemo.probe import own_line
from procdemo.probe.own_line import Blocks
from procdemo.probe.stack_dumps import Frame

LIBRARY = sysconfig.get_path("stdlib")
SOURCE = """\
def work(a, b, path):
    with a:
        with b:
            use()
    with open(path) as file:
        use()
    with a, b:
        use()
    with a: use()
    with a: pass
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(own_line, "_started", lambda _pid: 2**40)
    own_line._lines.cache_clear()
    own_line._blocks.cache_clear()
    script = tmp_path / "script.py"
    script.write_text(SOURCE)
    yield str(script)
    own_line._lines.cache_clear()
    own_line._blocks.cache_clear()


def test_the_own_line_is_that_of_no_library():
    library, package = (
        Frame(f"{LIBRARY}/threading.py", 1, "wait"),
        Frame(f"{LIBRARY}/site-packages/x.py", 1, "x"),
    )
    own, outer = Frame("/home/me/bank.py", 7, "transfer"), Frame("/home/me/main.py", 1, "<module>")
    assert own_line.own_frame([library, package, own, outer]) == own
    assert own_line.own_frame([library, package]) == package
    assert own_line.own_frame([library]) == library
    assert own_line.own_frame([]) is None


def test_the_text_of_a_line(path):
    assert own_line.source(os.getpid(), Frame(path, 2, "work")) == "with a:"
    assert own_line.source(os.getpid(), Frame(path, 99, "work")) == ""
    assert own_line.source(os.getpid(), Frame("<string>", 1, "work")) == ""


def test_a_file_that_is_newer_than_the_process_is_not_quoted(path, monkeypatch):
    monkeypatch.setattr(own_line, "_started", lambda _pid: 0)
    assert own_line.source(os.getpid(), Frame(path, 2, "work")) == ""


def test_a_pause_between_two_clocks_makes_no_file_newer_than_its_process(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text("import sys\nsys.stdin.read()\n")
    pauses, wall, clock_gettime = itertools.count(step=0.05), time.time, time.clock_gettime
    monkeypatch.setattr(time, "time", lambda: wall() + next(pauses))
    monkeypatch.setattr(time, "clock_gettime", lambda clock: clock_gettime(clock) + next(pauses))
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE) as process:
        assert own_line.source(process.pid, Frame(str(script), 2, "<module>")) == "sys.stdin.read()"
        process.communicate()


def test_a_file_is_read_and_parsed_once(path):
    stack = [Frame(path, 4, "work")]
    for _ in range(3):
        own_line.blocks(os.getpid(), stack)
    assert (own_line._blocks.cache_info().misses, own_line._lines.cache_info().misses) == (1, 1)


def test_only_files_of_python_are_read(path, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password\n")
    (tmp_path / "link.py").symlink_to(secret)
    os.mkfifo(tmp_path / "fifo.py")
    for name in ("secret", "link.py", "fifo.py", "missing.py"):
        assert own_line.source(os.getpid(), Frame(str(tmp_path / name), 1, "work")) == ""


@pytest.mark.parametrize(
    ("line", "inner", "expected"),
    [
        (2, "", Blocks((), "a")),
        (3, "", Blocks(("a",), "b")),
        (3, "__enter__", Blocks(("a",), "b")),
        (4, "", Blocks(("b", "a"))),
        (4, "use", Blocks(("b", "a"))),
        (6, "use", Blocks(())),
        (7, "__enter__", Blocks((), "b", True)),
        (8, "use", Blocks(("a", "b"))),
        (9, "", Blocks(())),
        (9, "use", Blocks(("a",))),
        (10, "", Blocks((), "a")),
    ],
)
def test_the_blocks_of_locks(path, line, inner, expected):
    stack = [Frame(f"{LIBRARY}/threading.py", 1, inner)] if inner else []
    found = own_line.blocks(os.getpid(), [*stack, Frame(path, line, "work")])
    assert (sorted(found.inside), *found[1:]) == (sorted(expected.inside), *expected[1:])


def test_locks_that_are_taken_without_a_block(path, tmp_path):
    assert not own_line.acquires(os.getpid(), [Frame(path, 2, "work")])
    other = tmp_path / "other.py"
    other.write_text("lock.acquire()\n")
    assert own_line.acquires(os.getpid(), [Frame(path, 2, "work"), Frame(str(other), 1, "<module>")])
