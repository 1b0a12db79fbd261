"""A person at a terminal pauses a demo, steps through it and ends it: with keys, and with Ctrl-Z and fg."""

import json
import os
import re
import signal
import termios
import time

import pexpect
import pytest
from escapes import ESCAPE
from harness import PROCDEMO
from processes import process
from terminals import hang_up
from waiting import wait_until

KEYS = "space: pause   .: to the next sentence   q: end"
PAUSED = "paused   space: go on"
LESSON = ["prodcons", "--items", "100", "--work", "0.3", "--consumers", "1", "-v"]  # always something to say


class Screen:
    """A terminal, and a command or a shell in it."""

    def __init__(self, *command, **environment):
        self.terminal = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environment},
            dimensions=(40, 100),
            timeout=60,
            encoding="utf-8",
            preexec_fn=_usual_signals,
        )
        self.usual = termios.tcgetattr(self.terminal.child_fd)
        self.seen = ""

    def wait(self, words):
        """Wait until the screen shows so much more; return what it has shown meanwhile."""
        self.terminal.expect(words if isinstance(words, type) else re.escape(words))
        shown = ESCAPE.sub("", self.terminal.before)
        self.seen += shown + ("" if isinstance(words, type) else words)
        return shown

    def type_keys(self, key):
        self.terminal.send(key)

    def end(self):
        self.wait(pexpect.EOF)
        self.terminal.wait()
        return self.terminal.exitstatus

    def demo(self):
        """Return the PIDs of all processes that have had a lane."""
        pids = {int(pid) for pid in re.findall(r"^(?:main|\w+-\d+) +(\d+) ", self.seen, re.MULTILINE)}
        assert len(pids) > 1
        return pids

    @property
    def is_as_it_was(self):
        return termios.tcgetattr(self.terminal.child_fd) == self.usual


def _usual_signals():
    for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(signum, signal.SIG_DFL)


def stopped(pids):
    return all((found := process(pid)) and found.state == "T" for pid in pids)


@pytest.fixture
def screen():
    opened = []

    def screen(*args, **environment):
        opened.append(Screen(*args, **environment))
        return opened[-1]

    yield screen
    for each in opened:
        each.terminal.close(force=True)


def test_keys(screen, tmp_path):
    log = tmp_path / "run.jsonl"
    demo = screen(*PROCDEMO, *LESSON, "--live", "--record", str(log))
    demo.wait("consumer-0")
    demo.wait("sleeping")  # in the legend
    demo.wait(KEYS)
    demo.type_keys(" ")
    demo.wait(PAUSED)
    pids = demo.demo()
    wait_until(lambda: stopped(pids))
    assert not demo.is_as_it_was
    demo.type_keys(".")
    demo.wait(KEYS)
    demo.wait(PAUSED)
    wait_until(lambda: stopped(pids))
    demo.type_keys(" ")
    demo.wait(KEYS)
    demo.type_keys(" ")
    demo.wait(PAUSED)
    demo.type_keys("q")
    assert demo.end() == 130
    assert "ended by q" in demo.seen
    assert demo.is_as_it_was
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    said = [event for event in events if event["name"] in {"paused", "goes on", "ended by key"}]
    assert [event["name"] for event in said] == ["paused", "goes on"] * 3 + ["ended by key"]
    assert [event["data"].get("by") for event in said[::2]] == ["a key", "a sentence", "a key", None]
    for paused, goes_on in zip(said[:-1:2], said[1::2], strict=True):
        assert events.index(goes_on) == events.index(paused) + 1, "nothing happens in a pause"
    assert said[1]["time_ns"] - said[0]["time_ns"] < 1e9, "and no time passes"
    told = events[events.index(said[2]) - 1]
    assert (told["role"] != "observer", told["kind"] != "state") == (True, True), "a key sentence"


@pytest.fixture
def shell(screen):
    """Return a shell with job control."""
    shell = screen("bash", "--norc", "-i", PS1="PROMPT ")
    shell.wait("PROMPT ")
    return shell


def test_ctrl_z_stops_the_demo_with_the_drawing(shell):
    shell.type_keys(f"{' '.join([*PROCDEMO, 'spawn', '--work', '600', '--live'])}\r")
    shell.wait("child-3")
    shell.wait("sleeping")
    shell.wait(KEYS)
    shell.type_keys("\x1a")
    shell.wait("paused: fg goes on")
    shell.wait("Stopped")
    shell.wait("PROMPT ")
    pids = shell.demo()
    wait_until(lambda: stopped(pids))
    shell.type_keys("stty -a | tr ' ;' '\\n\\n' | grep -E '^-?(echo|icanon)$' | sort | tr '\\n' .\r")
    shell.wait("echo.icanon.")
    shell.type_keys("fg\r")
    shell.wait(KEYS)
    wait_until(lambda: not any((found := process(pid)) and found.state == "T" for pid in pids))
    shell.type_keys("q")
    shell.wait("ended by q")
    shell.wait("PROMPT ")
    shell.type_keys("echo status=$?.\r")
    shell.wait("status=130.")


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["paused", "not live"])
def test_ctrl_z_elsewhere(shell, where):
    live = ["--live"] if where == "paused" else []
    shell.type_keys(f"{' '.join([*PROCDEMO, 'spawn', '--work', '600', *live])}\r")
    shell.wait("child-3")
    if where == "paused":
        shell.wait(KEYS)
        shell.type_keys(" ")
        shell.wait(PAUSED)
    shell.type_keys("\x1a")
    shell.wait("Stopped")
    shell.wait("PROMPT ")
    shell.type_keys("fg\r")
    shell.wait(PAUSED if where == "paused" else "spawn")
    shell.type_keys("\x03")
    shell.wait("interrupted: ")
    shell.wait("PROMPT ")


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["intr", "TERM", "hang up"])
def test_a_demo_that_is_paused_can_be_ended_otherwise(screen, how):
    demo = screen(*PROCDEMO, *LESSON, "--live")
    demo.wait("consumer-0")
    demo.wait(KEYS)
    demo.type_keys(" ")
    demo.wait(PAUSED)
    pids = demo.demo()
    wait_until(lambda: stopped(pids))
    if how == "hang up":
        hang_up(demo.terminal)
    elif how == "TERM":
        demo.terminal.kill(signal.SIGTERM)
    else:
        demo.type_keys("\x03")
    if how != "hang up":
        assert demo.end() == {"TERM": 143, "intr": 130}[how]
        assert demo.is_as_it_was
    wait_until(lambda: not any(map(process, pids)))


@pytest.mark.thorough
def test_a_server_and_its_clients_do_not_notice_a_pause(screen):
    """The pause is longer than the limits of a client and the heartbeat of a worker."""
    limits = ["--idle-timeout", "5", "--total-timeout", "5", "--heartbeat", "1", "--stay", "1"]
    demo = screen(*PROCDEMO, "prefork-server", "--port", "0", "--clients", "3", *limits, "--live")
    demo.wait("waits")
    demo.wait(KEYS)
    demo.type_keys(" ")
    demo.wait(PAUSED)
    until = time.monotonic() + 5.5
    wait_until(lambda: time.monotonic() > until)
    demo.type_keys(" ")
    assert demo.end() == 0
    assert "3 clients served" in demo.seen


@pytest.mark.parametrize(
    "args", [["race", "--step"], ["spawn", "--live", "--plain"], ["spawn", "--live", "-q"]], ids=repr
)
@pytest.mark.thorough
def test_where_keys_do_nothing_they_are_not_said(screen, args):
    demo = screen(*PROCDEMO, *args)
    if "--step" in args:
        demo.type_keys("AAABBB\r")
    assert demo.end() == 0
    assert "space: " not in demo.seen
