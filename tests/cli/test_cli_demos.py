"""Every demo: no warning, no process that is left, no error because the reader of a pipe is gone."""

import os
import re
import signal

import pytest
from demos import SHORT, each_demo_some_core, long, some_demos, wait_until_all_is_made
from harness import Command, run
from order import assert_in_order

from procdemo.catalog import find
from procdemo.demo.events import EXITED, OBSERVER


@each_demo_some_core
def test_g1_every_demo_is_clean_under_every_start_method(name, start_method):
    """Warnings about forks of threads and about open files are errors here."""
    result = run(name, "--json", *SHORT[name].split(), start_method=start_method).assert_clean(stderr_lines=0)
    assert result.summary["ok"] is True
    assert not result.named("error")
    assert not result.named("stderr")
    if name.endswith("-server") or name in {"crawl-callback", "prodcons", "supervise"}:
        assert_in_order(result)
    families = {re.sub(r"-\d+$", "-N", event.role) for event in result.events} - {OBSERVER}
    known = find(name).roles
    assert families <= set(known) or not known, "a role that --kill and --stop would refuse"


@some_demos
def test_a7_no_demo_outlives_the_command(name, start_method):
    with long(name, start_method) as command:
        wait_until_all_is_made(name, command)
        assert command.descendants()
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-signal.SIGKILL)


@some_demos
def test_a10_a_reader_that_closes_the_pipe_is_no_error(name):
    read, write = os.pipe()
    with Command(name, *SHORT[name].split(), stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 141], stderr_lines=0)


@some_demos
def test_a4_ctrl_c_ends_every_demo(name, start_method):
    with long(name, start_method) as command:
        command.wait_for(lambda: len(command.events) > 1)
        command.signal_group(signal.SIGINT)
        command.finish(within=2).assert_clean(130, stderr_lines=0)


@pytest.mark.parametrize(
    ("options", "by"), [(["--kill", "handler-0@0.2"], "--kill"), (["--chaos", "kill:0.2"], "--chaos")]
)
def test_the_exit_of_a_process_says_which_option_has_killed_it(options, by, start_method):
    server = ("echo-server", "--json", "--port", "0", "--clients", "1", "--stay", "1")
    result = run(*server, *options, start_method=start_method).assert_clean([0, 1])
    (fault, *_) = [event for event in result.events if event.role == OBSERVER]
    (exited,) = [each for each in result.named(EXITED) if each.data["child_pid"] == fault.data["target_pid"]]
    assert (exited.data["exitcode"], exited.data["by"]) == (-signal.SIGKILL, by)
    others = [each for each in result.named(EXITED) if each.data["exitcode"] == 0]
    assert all(not each.data["by"] for each in others)
