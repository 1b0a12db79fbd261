"""A program under watch has the terminal: it types, Ctrl-C, Ctrl-Z and the size of the window reach it."""

import os
import sys

import pexpect
import pytest
from harness import PROCDEMO

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
WATCH = f"{' '.join(PROCDEMO)} watch --python {sys.executable}"


class Shell:
    """An interactive shell with job control."""

    def __init__(self, folder):
        environment = {"PATH": os.environ["PATH"], "PS1": "PROMPT ", "TERM": "dumb", "HOME": str(folder)}
        self.terminal = pexpect.spawn(
            "bash", ["--norc", "-i"], encoding="utf-8", timeout=60, env=environment, cwd=str(folder)
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
