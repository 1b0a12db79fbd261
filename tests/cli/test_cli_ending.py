"""A signal or the time limit ends the command at any moment; its exit status says so; nothing is left."""

import os
import signal

import pytest
from harness import PROCDEMO, Command, run


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_exit_status_says_which_signal_ended_it(signum, status, start_method):
    with Command("spawn", "--json", "--work", "60", start_method=start_method) as command:
        command.wait_event("hello", nth=6)
        command.signal_group(signum)
        command.finish(within=3).assert_clean(status, stderr_lines=0)


def test_a5_a_second_ctrl_c_does_not_wait():
    with Command("spawn", "--json", "--work", "60") as command:
        command.wait_event("hello", nth=6)
        os.kill(command.events[0].pid, signal.SIGSTOP)  # so that it cannot end by itself
        command.signal_group(signal.SIGINT)
        os.kill(command.events[0].pid, signal.SIGSTOP)
        command.signal_group(signal.SIGINT)
        command.finish(within=1).assert_clean(130, stderr_lines=0)


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
