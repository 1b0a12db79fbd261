"""A signal or the time limit ends the command at any moment; its exit status says so; nothing is left."""

import signal
import time

import pytest
from harness import PROCDEMO, Command, run

from procdemo.catalog import DEMOS
from procdemo.cli import run_demo


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_exit_status_says_which_signal_ended_it(signum, status, start_method):
    with Command("spawn", "--json", "--work", "60", start_method=start_method) as command:
        command.wait_event("hello", nth=6)
        command.signal_group(signum)
        command.finish(within=3).assert_clean(status, stderr_lines=0)


SERVERS = [demo.name for demo in DEMOS if demo.name.endswith("-server")]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.thorough if place else ()) for place, name in enumerate(SERVERS)],
)
@pytest.mark.parametrize(
    ("signum", "options", "status", "word"),
    [
        (signal.SIGINT, [], 130, "interrupted"),
        (signal.SIGTERM, [], 0, "ok"),
        (0, ["--timeout", "0.01"], 4, "interrupted"),
    ],
    ids=["Ctrl-C", "SIGTERM", "time limit"],
)
def test_the_last_line_of_a_server_does_not_contradict_the_exit_status(name, signum, options, status, word):
    with Command(name, "-q", "--port", "0", *options) as command:
        if signum:
            command.wait_line("^listening ")
            command.signal_group(signum)
        result = command.finish(within=5).assert_clean(status)
    assert result.stdout.splitlines()[-1].partition(":")[0] == word


class Requests:
    """What a runner is asked for."""

    def __init__(self):
        self.asked = []

    def stop(self):
        self.asked.append("stop")

    def kill(self):
        self.asked.append("kill")


def test_a_signal_that_comes_twice_at_once_is_one_request():
    """`timeout` (coreutils) sends SIGTERM to the command, then to its group; the demo may still sum up."""
    runner = Requests()
    requests = run_demo._StopRequests(runner, 60)
    try:
        before = time.monotonic()
        requests(signal.SIGTERM, None)
        requests(signal.SIGTERM, None)
        if time.monotonic() - before < run_demo._SAME_REQUEST_S:
            assert runner.asked == ["stop"]
        time.sleep(run_demo._SAME_REQUEST_S)  # noqa: TID251 - as long as a person takes
        requests(signal.SIGTERM, None)
        assert runner.asked[:1] + runner.asked[-1:] == ["stop", "kill"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a7_a_killed_command_leaves_no_process(start_method):
    with Command("spawn", "--json", "--work", "60", start_method=start_method) as command:
        command.wait_event("hello", nth=6)
        assert len(command.descendants()) >= 5
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-9)


def test_ignored_signals_stay_ignored():
    """``nohup procdemo ...`` must survive its terminal, and a script's background job its Ctrl-C."""
    line = 'trap \'\' HUP INT; exec "$0" "$@"'
    program = ["sh", "-c", line, *PROCDEMO]
    with Command("spawn", "--json", "--work", "0.5", program=program) as command:
        command.wait_event("hello", nth=6)
        command.signal_group(signal.SIGHUP)
        command.signal_group(signal.SIGINT)
        assert command.finish(within=5).assert_clean(0).summary["ok"]


def test_the_time_limit_is_status_4():
    result = run("spawn", "--json", "--work", "60", "--timeout", "0.3", within=5).assert_clean(status=4)
    assert result.summary["ok"] is False
