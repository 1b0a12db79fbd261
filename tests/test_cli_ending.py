"""Every demo, whatever it shows, under every start method; and every way in which a run can end."""

import os
import signal
import socket

import pytest
from harness import PROCDEMO, Command, run

from procdemo.syllabus import ROWS

# --- every demo, whatever it shows

SHORT = {
    "spawn": "--work 0",
    "echo-server": "--port 0 --clients 2 --stay 0",
    "pool-server": "--port 0 --clients 3 --stay 0",
    "crawl-callback": "--max-pages 5",
    "prodcons": "--items 10 --work 0",
    "supervise": "--items 10 --work 0",
}
LONG = {
    "spawn": "--work 60",
    "echo-server": "--port 0",
    "pool-server": "--port 0",
    "crawl-callback": "--page-deadline 60",
    "prodcons": "--items 1000 --work 1",
    "supervise": "--items 1000 --work 1",
}
each_staged = pytest.mark.parametrize("name", [row.name for row in ROWS if row.staged])


@each_staged
def test_g1_every_demo_is_clean_under_every_start_method(name, start_method):
    """Warnings about forks of threads and about open files are errors here."""
    result = run(name, "--json", *SHORT[name].split(), start_method=start_method).assert_clean(stderr_lines=0)
    assert result.summary["ok"] is True
    assert not result.named("error")
    assert not result.named("stderr")


@each_staged
def test_a7_no_demo_outlives_its_observer(name, start_method):
    with Command(name, "--json", *LONG[name].split(), start_method=start_method) as command:
        # Killed while it makes a semaphore, multiprocessing leaves that one: wait until all is made.
        if name.endswith("-server"):
            port = command.wait_event("listening").data["port"]
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"X"
        else:
            command.wait_for(
                lambda: any(event.role[:4] in {"work", "cons", "chil"} for event in command.events)
            )
        assert command.descendants()
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-signal.SIGKILL)


@each_staged
def test_a10_no_demo_minds_a_reader_that_leaves(name):
    read, write = os.pipe()
    with Command(name, *SHORT[name].split(), stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 1, 141], stderr_lines=0)


@each_staged
def test_a4_ctrl_c_ends_every_demo(name, start_method):
    with Command(name, "--json", *LONG[name].split(), start_method=start_method) as command:
        command.wait_for(lambda: len(command.events) > 1)
        command.signal_group(signal.SIGINT)
        command.finish(within=2).assert_clean(130, stderr_lines=0)


# --- the end of a run


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_with_its_status(signum, status, start_method):
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


def test_a7_a_killed_command_takes_everything_along(start_method):
    with Command("spawn", "--json", "--work", "60", start_method=start_method) as command:
        command.wait_event("hello", nth=6)
        assert len(command.descendants()) >= 5
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-9)


@pytest.mark.parametrize("delay", [0, 20, 50, 100, 200, 400])
def test_a6_ctrl_c_at_any_moment_leaves_nothing(delay):
    with Command("spawn", "--json", "--work", "60") as command:
        command.pause(delay / 1000)
        command.signal_group(signal.SIGINT)
        result = command.finish(within=3)
    if result.status == -signal.SIGINT:  # not a line of ours had run; what the interpreter says is its own
        assert not result.survivors
    else:
        result.assert_clean(130, stderr_lines=0)


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
