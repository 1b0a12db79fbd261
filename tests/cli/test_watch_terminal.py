"""A program under watch has the terminal: it types, Ctrl-C, Ctrl-Z and the size of the window reach it."""

import contextlib
import os
import signal
import sys

import pexpect
import pytest
from harness import PROCDEMO
from processes import reap_all
from waiting import wait_until

READS = """
import os, signal, sys
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"resized"))
print("ready", sys.stdin.isatty(), os.getpgrp() == os.tcgetpgrp(0), flush=True)
while True:
    print("got", input(), flush=True)
"""
IGNORES_STOP = """
import signal, sys
signal.signal(signal.SIGTSTP, signal.SIG_IGN)
print("ready", flush=True)
print("got", input())
"""
ORPHAN_WRITES = """
import os, time
main = os.getpid()
if os.fork(): os._exit(0)
while (parent := os.getppid()) == main: time.sleep(0.01)
os.write(1, b"the orphan begins\\n")
while os.getppid() == parent: time.sleep(0.01)  # until watch has ended
os.write(1, b"it goes on\\n")
os.write(2, b"to its end\\n")
"""
WATCH = f"{' '.join(PROCDEMO)} watch --python {sys.executable}"


def _usual_signals():
    """Undo what the shell that has started the tests in the background does: it ignores these two."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


class Shell:
    """An interactive shell with job control."""

    def __init__(self, folder):
        environment = {"PATH": os.environ["PATH"], "PS1": "PROMPT ", "TERM": "dumb", "HOME": str(folder)}
        self.terminal = pexpect.spawn(
            "bash",
            ["--norc", "-i"],
            encoding="utf-8",
            timeout=60,
            env=environment,
            cwd=str(folder),
            preexec_fn=_usual_signals,
        )
        self.prompt()

    def type(self, line):
        self.terminal.sendline(line)

    def control(self, key):
        self.terminal.sendcontrol(key)

    def wait(self, words):
        self.terminal.expect(words)

    def prompt(self):
        self.wait("PROMPT ")

    def status(self):
        self.type("echo status=$?.")
        self.wait(r"status=(\d+)\.")
        found = int(self.terminal.match[1])
        self.prompt()
        return found


@pytest.fixture
def shell(tmp_path):
    (tmp_path / "reads.py").write_text(READS)
    (tmp_path / "ignores.py").write_text(IGNORES_STOP)
    shell = Shell(tmp_path)
    yield shell
    shell.terminal.close(force=True)


def test_a_whole_session(shell):
    shell.type(f"{WATCH} -q reads.py")
    shell.wait("ready True True")
    shell.type("first")
    shell.wait("got first")
    shell.terminal.setwinsize(31, 99)
    shell.wait("resized")
    shell.control("z")
    shell.wait("Stopped")
    shell.prompt()
    shell.type("fg")
    shell.wait("watch")
    shell.type("second")
    shell.wait("got second")
    shell.control("c")
    shell.wait("KeyboardInterrupt")
    shell.prompt()
    assert shell.status() == 130


def test_in_the_background_it_is_stopped_when_it_reads(shell):
    shell.type(f"{WATCH} -q reads.py &")
    shell.prompt()
    shell.type("wait -n; echo now")
    shell.wait("(Stopped|now)")
    shell.prompt()
    shell.type("fg")
    shell.type("third")
    shell.wait("got third")
    shell.control("d")
    shell.wait("EOFError")
    shell.prompt()
    assert shell.status() == 1


def test_a_program_that_ignores_ctrl_z_is_not_stopped(shell):
    shell.type(f"{WATCH} -q ignores.py")
    shell.wait("ready")
    shell.control("z")
    shell.type("word")
    shell.wait("got word")
    shell.prompt()
    assert shell.status() == 0


def test_the_stop_of_the_program_alone_stops_the_job(shell):
    shell.type(f"{WATCH} -q -- sh -c 'echo $$; kill -STOP $$; read word; echo got $word'")
    shell.wait("Stopped")
    shell.prompt()
    shell.type("fg")
    shell.type("word")
    shell.wait("got word")
    shell.prompt()
    assert shell.status() == 0


def test_it_waits_for_you_to_type(shell):
    shell.type(f"{WATCH} --still 0.5 --timeout 2 reads.py")
    shell.wait("ready")
    shell.wait("outside: main .* waits for you to type, at the terminal")
    shell.control("\\")
    shell.wait("killed by SIGQUIT")
    shell.prompt()
    assert shell.status() == 131


def watched_live(folder, script):
    terminal = pexpect.spawn(
        PROCDEMO[0],
        [*PROCDEMO[1:], "watch", "--live", "--python", sys.executable, script],
        encoding="utf-8",
        timeout=60,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": str(folder)},
        dimensions=(24, 80),
        cwd=str(folder),
    )
    return contextlib.closing(terminal)


LANES_OF_MAIN = r"main +\d+ "


def test_lanes_are_shown_below_what_the_program_writes(shell, tmp_path):
    """It writes when a file is there, so when there were lanes; without a line's end at last."""
    (tmp_path / "writes.py").write_text("""
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
print("first", sys.stdout.isatty(), flush=True)
while not os.path.exists("go"): time.sleep(0.01)
print("second", flush=True)
while not os.path.exists("on"): time.sleep(0.01)
child.kill(), child.wait()
sys.stdout.write("third")
""")
    with watched_live(tmp_path, "writes.py") as terminal:
        terminal.expect("first False")
        terminal.expect(LANES_OF_MAIN)
        (tmp_path / "go").touch()
        terminal.expect("second")
        terminal.expect(LANES_OF_MAIN)
        (tmp_path / "on").touch()
        terminal.expect("third")
        terminal.expect(LANES_OF_MAIN)
        terminal.expect("ended: exit status ")
        terminal.expect(pexpect.EOF)


def test_lanes_end_when_the_program_reads_the_terminal(shell, tmp_path):
    with watched_live(tmp_path, "ignores.py") as terminal:
        terminal.expect("no lanes any more, because the program reads the terminal")
        terminal.sendline("word")
        terminal.expect("got word")
        terminal.expect(pexpect.EOF)


def test_an_orphan_may_write_after_the_end_of_watch(shell, tmp_path):
    """With --live its output goes through a pipe, and a write that nothing reads would kill it."""
    (tmp_path / "orphan.py").write_text(ORPHAN_WRITES)
    shell.type(f"{WATCH} --live orphan.py")
    for words in ("the orphan begins", "it goes on", "to its end"):
        shell.wait(words)
    shell.terminal.close(force=True)
    wait_until(reap_all, what="the end of the orphan, and of the process that has read its output")
