"""Nothing outlives the command: it is killed, and the guardian ends every process of the demo."""

import multiprocessing
import os
import signal
from functools import partial
from multiprocessing import get_context, resource_tracker
from pathlib import Path

import pytest
from harness import Command
from killed_commands import DEMOS, KilledCommand, behaving, behaviour, survivors
from processes import command_line, processes, tree
from selection import some_of
from shared_memory import own_shared_memory
from stages import (
    FORK,
    ManyProcesses,
    endless,
    events_of,
    names,
    reaped,
    settings,
    short_story,
    until_all_are_here,
)
from time_limit import TimeLimit
from waiting import wait_until

from procdemo.demo.settings import StartMethod
from procdemo.process.guardian import Guardian
from procdemo.runtime.runner import Runner

KILLS = 5  # for each case; `make soak` repeats them


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """Where demos make their temporary directories."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # of other tests
    return tmp_path


# --- the command is killed


@pytest.mark.parametrize("how", ["plain", "busy", "stopped", "setsid", "double fork", "no free descriptor"])
def test_a8_all_processes_go_with_the_command(start_method, how, directory):
    command = KilledCommand(behaving, behaviour(start_method, how), marks=2)
    members = command.members()
    assert len(members) >= 3
    if how == "stopped":
        for pid in members:
            os.kill(pid, signal.SIGSTOP)
    command.kill("command")
    assert not command.gone_in_time()
    assert not list(directory.iterdir())


def test_without_a_guardian_they_stay(start_method):
    """The control: if they ended by themselves here, the tests above would prove nothing."""
    command = KilledCommand(behaving, behaviour(start_method, "setsid"), marks=2)
    os.kill(command.guardian, signal.SIGSTOP)
    command.kill("command")
    assert len(command.gone_in_time(within=0.3)) >= 3


@pytest.mark.parametrize("target", ["command", "group"])
@pytest.mark.parametrize("demo", some_of(DEMOS, 1))
def test_a7_killed_at_any_moment_it_leaves_nothing(start_method, demo, target, directory):
    shared_memory = own_shared_memory()
    for _ in range(KILLS):
        command = KilledCommand(DEMOS[demo], settings(start_method))
        command.kill_later(target, 0.1 if start_method == "fork" else 0.5)
        assert not command.gone_in_time()
        assert not list(directory.iterdir())
    assert not shared_memory.left()


def with_semaphores(config, emit):
    kept = [get_context("spawn").Lock() for _ in range(10)]
    kept.append(get_context("spawn").Array("b", 1))
    emit.mark("here")
    signal.pause()


def test_a7_names_go_although_their_tracker_is_killed_with_the_command():
    shared_memory = own_shared_memory()
    command = KilledCommand(with_semaphores, settings("spawn"), marks=1)
    assert len(shared_memory.names()) >= 10, "or the test would prove nothing"
    [tracker] = [pid for pid in tree(command.pid) if "resource_tracker" in command_line(pid)]
    assert os.getpgid(tracker) == command.guardian
    os.kill(tracker, signal.SIGKILL)
    command.kill("group")
    assert not command.gone_in_time()
    assert not shared_memory.names()


def blocked_with_a_name(module, function, make, config, emit):
    """Wait at the moment at which a name is there, and nothing yet that would remove it."""

    def block(*_):
        emit.mark("here")
        while True:
            signal.pause()

    setattr(module, function, block)
    make(get_context("spawn"))


@pytest.mark.parametrize("target", ["command", "group"])
@pytest.mark.parametrize(
    "cut",
    [
        partial(blocked_with_a_name, resource_tracker, "register", lambda context: context.Lock()),
        partial(blocked_with_a_name, os, "unlink", lambda context: context.Array("b", 1)),
    ],
    ids=["semaphore", "shared memory"],
)
def test_a7_a_name_in_the_making_is_removed(cut, target):
    shared_memory = own_shared_memory()

    def run(config, emit):
        if target == "command":
            cut(config, emit)
        child = config.context().Process(target=cut, args=(config, emit))
        child.start()
        child.join()

    command = KilledCommand(run, FORK, marks=1)
    assert len(shared_memory.names()) == 1, "or the test would prove nothing"
    command.kill(target)
    assert not command.gone_in_time()
    assert not shared_memory.names()


def test_what_the_command_had_before_stays():
    """The demo inherits it, but it is not the demo's."""
    lock = get_context("spawn").Lock()
    name = f"sem.{lock._semlock.name[1:]}"
    command = KilledCommand(behaving, behaviour("fork", "plain"), marks=2)
    inode = os.stat(f"/dev/shm/{name}").st_ino
    assert str(inode) in Path(f"/proc/{command.main}/maps").read_text().split()
    command.kill("command")
    assert not command.gone_in_time()
    assert name in os.listdir("/dev/shm")
    del lock


# --- by its name


def test_its_name_and_command_line_are_its_own():
    with Runner(endless, ManyProcesses()) as runner:
        guardian = runner._guardian.pid
        wait_until(lambda: command_line(guardian).startswith("demo-guardian"), what="its new command line")
        assert command_line(guardian).strip("\0") == "demo-guardian"
        assert Path(f"/proc/{guardian}/comm").read_text() == "demo-guardian\n"
        assert os.getpgid(guardian) == guardian


def test_a7_pkill_by_the_name_of_the_command_leaves_nothing(start_method):
    with Command("supervise", "--items", "1000", "--workers", "2", start_method=start_method) as command:
        command.wait_line("worker-1")
        command.wait_for(
            lambda: any("demo-guardian" in command_line(pid) for pid in command.descendants()),
            what="the guardian has its own name",
        )
        named = [pid for pid in [command.pid, *command.descendants()] if "procdemo" in command_line(pid)]
        assert len(named) >= 2
        for pid in named:
            os.kill(pid, signal.SIGKILL)
        result = command.finish(within=3)
    assert (result.survivors, result.temporary, result.shared_memory) == ([], [], frozenset())


# --- the guardian is killed, too


@pytest.mark.parametrize("how", some_of(["plain", "busy", "stopped", "no free descriptor"]))
def test_a8_the_group_goes_if_command_and_guardian_are_killed_together(start_method, how):
    """A process that has left the group stays, and the temporary directory (SECURITY.md)."""
    command = KilledCommand(behaving, behaviour(start_method, how), marks=2)
    for pid in command.members() if how == "stopped" else ():
        os.kill(pid, signal.SIGSTOP)
    command.kill("both")
    assert not command.gone_in_time()


def test_a7_killed_together_at_any_moment(start_method):
    for _ in range(KILLS):
        command = KilledCommand(DEMOS["starts"], settings(start_method))
        command.kill_later("both", 0.1 if start_method == "fork" else 0.5)
        assert not command.gone_in_time()


def test_a_run_without_its_guardian_ends(start_method, directory):
    with Runner(endless, ManyProcesses(start_method=StartMethod(start_method))) as runner:
        events, children = until_all_are_here(runner)
        os.kill(runner._guardian.pid, signal.SIGKILL)
        limit = TimeLimit(2)
        error, *rest = events
        assert not limit.passed, limit
    assert "guardian" in error.data["message"]
    assert names([error, *rest]) == ["error", "stopped", "summary"]
    assert rest[-1].data["ok"] is False
    assert all(map(reaped, [runner.pid, *children]))
    assert not list(directory.iterdir())


def test_a_guardian_that_is_stopped_delays_the_end_only(directory):
    with Runner(short_story, FORK) as runner:
        os.kill(runner._guardian.pid, signal.SIGSTOP)
        list(runner)
        limit = TimeLimit(5)
    assert not limit.passed, limit
    assert not list(directory.iterdir())


# --- the command lives


def test_it_is_gone_after_the_run_and_so_is_the_directory(start_method, directory):
    with Runner(short_story, settings(start_method)) as runner:
        guardian = runner._guardian.pid
        assert guardian in processes()
        list(runner)
    assert guardian not in processes()
    assert not list(directory.iterdir())
    assert not tree(os.getpid()).keys() - {resource_tracker._resource_tracker._pid}


def leaving_a_file(config, emit):
    Path(os.environ["TMPDIR"], "folder").mkdir()
    Path(os.environ["TMPDIR"], "folder", "file").write_text("left")
    emit.result("summary", ok=True)


def test_a_file_in_the_directory_is_removed_with_it(directory):
    assert events_of(leaving_a_file)[-1].data["ok"]
    assert not list(directory.iterdir())


def test_a_missing_parent_of_the_directory_is_an_error(directory, monkeypatch):
    monkeypatch.setattr(Guardian, "enter", lambda _: (_ for _ in ()).throw(OSError("no room")))
    error, summary = events_of(short_story)
    assert "no room" in error.data["message"]
    assert summary.data["ok"] is False


def test_orphans_come_to_us():
    """The premise of `survivors`: without it the tests above would look at nothing."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        orphan = os.fork()
        if orphan == 0:
            signal.pause()
        os.write(write, str(orphan).encode())
        os._exit(0)
    os.waitpid(child, 0)
    orphan = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert survivors().keys() == {orphan}
    os.kill(orphan, signal.SIGKILL)
    os.waitpid(orphan, 0)
