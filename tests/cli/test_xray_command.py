"""The command `xray`: the picture, the rows, the list, what it refuses."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
from harness import PROCDEMO, run
from in_process import both_ways, run_here
from rich.cells import cell_len
from waiting import wait_until
from xray_programs import TWO_LOCKS
from xrayed import Xrayed, needs_stacks

from procdemo.cli import xray
from procdemo.cli.common_options import ViewOptions
from procdemo.demo.settings import CannotRunError
from procdemo.probe import live_stacks, programs, snapshot
from procdemo.process import procfs

FIELDS = "pid tid role program thread state file line function source waits_for on lock limited"  # of a row


class Seen:
    """Two processes that hold a lock each and wait for that of the other, as the command shows them."""

    def __init__(self, program):
        self.pid, self.first, self.second = program.pid, *sorted(set(program.family) - {program.pid})
        pid = str(program.pid)
        self.picture = run_here("xray", pid)
        self.narrow = run_here("xray", pid, env={"COLUMNS": "60"})
        self.quiet = run_here("xray", pid, "-q")
        self.rows = run_here("xray", pid, "--json")
        self.part = run_here("xray", str(self.second))
        self.list, self.list_rows = run_here("xray"), run_here("xray", "--json")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live_stacks, "find_py_spy", self._missing)
            self.without_extra = run_here("xray", pid)
        self.without_rights = told_to_nobody(program.pid) if os.getuid() == 0 else None

    @staticmethod
    def _missing():
        raise CannotRunError("not there", "", 3)


def told_to_nobody(pid):
    """Return the exit status for a user without rights, and what this one sees."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        status = 70
        try:
            os.dup2(write, 1)
            sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
            os.setgroups([])
            os.setuid(65534)
            status = xray.show_xray(pid, ViewOptions(), args=False)
            sys.stdout.flush()
        finally:
            os._exit(status)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        told = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The program is looked at once, in all ways; it must have ended when the first test has."""
    source = TWO_LOCKS.replace("KIND", "Lock")
    with Xrayed(tmp_path_factory.mktemp("xray"), source) as program:
        program.wait_verdict("deadlock")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(snapshot, "SEARCH_S", 60.0)  # on a busy machine a search takes long
            return Seen(program)


def test_the_picture(seen):
    shown = seen.picture.assert_clean(0, stderr_lines=0).stdout.splitlines()
    assert shown[0] == f"main (PID {seen.pid}): script.py"
    assert f"    waits for child {seen.first} to end" in shown
    blocked = [line for line in shown if line.startswith("  main thread: blocked at script.py:")]
    assert len([line for line in blocked if line.endswith("hold_both: with second: pass  # there")]) == 2
    assert "A circle:" in shown, seen.picture.told()
    circle = shown[shown.index("A circle:") + 1 : -1]
    assert len(circle) == 2
    expected = (
        rf"  child {seen.first} \(script\.py:\d+\) waits for lock [AB], which child {seen.second} holds"
    )
    assert re.fullmatch(expected, circle[0])
    assert shown[-1] == f"deadlock: {'; '.join(line.strip() for line in circle)}."


def test_the_picture_is_for_every_terminal(seen):
    narrow = seen.narrow.assert_clean(0, stderr_lines=0).stdout
    assert max(map(cell_len, narrow.splitlines())) <= 60
    assert narrow.isascii()
    assert "\x1b" not in narrow
    assert re.fullmatch("deadlock: .*\n", seen.quiet.assert_clean(0, stderr_lines=0).stdout)


def test_the_rows(seen):
    lines = seen.rows.assert_clean(0, stderr_lines=0).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("mark", "meta"),
        *[("result", "thread")] * 3,
        ("result", "summary"),
    ]
    (main, first, second), summary = [row["data"] for row in rows[1:-1]], rows[-1]["data"]
    assert list(first) == FIELDS.split()
    assert [main["pid"], main["tid"], main["on"]] == [seen.pid, seen.pid, [[first["pid"], first["tid"]]]]
    assert first["on"] == [[second["pid"], second["tid"]]]
    assert {first["lock"], second["lock"]} == {"A", "B"}
    assert first["source"] == "with second: pass  # there"
    assert (summary["verdict"], summary["processes"], summary["threads"]) == ("deadlock", 3, 3)
    assert {each["pid"] for each in summary["circle"]} == {first["pid"], second["pid"]}
    assert summary["circle"][0].keys() == {"pid", "tid", "file", "line", "waits_for"}


def test_a_part_of_the_tree(seen):
    """What a child waits for is held by a process that is not in the picture."""
    shown = seen.part.assert_clean(0, stderr_lines=0).stdout
    assert f"waits for lock A, which PID {seen.first} holds" in shown
    assert "deadlock" not in shown


def test_it_is_listed(seen):
    rows = [json.loads(line) for line in seen.list_rows.assert_clean(0, stderr_lines=0).stdout.splitlines()]
    assert (rows[0]["name"], rows[-1]["name"]) == ("meta", "summary")
    found = {row["data"]["pid"]: row["data"] for row in rows[1:-1]}
    ours = found[seen.pid]
    assert (ours["name"], ours["processes"]) == ("script.py", 3)
    assert found[seen.second]["depth"] == ours["depth"] + 1
    shown = seen.list.assert_clean(0, stderr_lines=0).stdout
    assert re.search(rf"^ *{seen.pid} .* script\.py$", shown, re.MULTILINE)
    assert "that may be looked at" in shown.splitlines()[-1]


def test_without_the_extra_the_kernel_side_is_shown(seen):
    result = seen.without_extra.assert_clean(0, stderr_lines=2)
    assert f"waits for child {seen.first} to end" in result.stdout
    assert f"of which child {seen.second} has taken 1" in result.stdout, "the kind of lock is not known"
    assert "py-spy is not installed" in result.stderr
    assert "pip install py-spy" in result.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become a user without rights")
def test_the_missing_right_is_named(seen):
    status, told = seen.without_rights
    assert status == 3, told
    assert f"main (PID {seen.pid})" in told
    assert "not known: " in told
    assert "is closed to us: it belongs to user 0\ntry: type sudo before the command\n" in told


@pytest.mark.thorough
@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, and setpriv")
def test_root_without_the_capability_is_told_so():
    program = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        result = run(
            "xray", str(process.pid), program=["setpriv", "--bounding-set=-sys_ptrace", *PROCDEMO]
        ).assert_clean(3, stderr_lines=2)
        process.communicate(b"")
    assert "hidden from us" in result.stdout
    assert "moved" not in result.stdout, "that was not why"
    assert f"PID {process.pid} is closed to us: CAP_SYS_PTRACE is missing\n" in result.stderr
    assert "try: start the container with --cap-add SYS_PTRACE" in result.stderr


def test_command_lines_are_shown_only_if_asked_for(tmp_path):
    needs_stacks()
    program = [
        sys.executable,
        "-c",
        "import sys; print(1, flush=True); sys.stdin.read()",
        "--password=secret",
    ]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        for options in ([], ["--json"], ["-q"]):
            assert "secret" not in run_here("xray", str(process.pid), *options).assert_clean(0).stdout
        for options in (["--args"], ["--args", "--json"]):
            assert "--password=secret" in run_here("xray", str(process.pid), *options).assert_clean(0).stdout
        process.communicate(b"")


def refused(*args, status=1, **how):
    result = run_here("xray", *args, **how).assert_clean(status, stderr_lines=4)
    assert result.stdout == ""
    return result.stderr


def test_what_is_no_python_program_is_refused():
    with subprocess.Popen(["sleep", "600"]) as process:
        wait_until(lambda: not programs.is_python(process.pid), what="it is another program")
        assert f"error: PID {process.pid} is sleep: not Python" in refused(str(process.pid))
        process.kill()
        wait_until(lambda: procfs.stat(process.pid).state == "Z")
        assert f"PID {process.pid} has ended; its parent, PID {os.getpid()}" in refused(str(process.pid))
    assert f"there is no process with PID {process.pid}" in refused(str(process.pid))


def test_a_thread_is_no_program():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        told = subprocess.run(
            [*PROCDEMO, "xray", str(thread.native_id)], capture_output=True, text=True, check=False
        )
    finally:
        done.set()
        thread.join()
    assert told.returncode == 1
    assert f"{thread.native_id} is a thread of PID {os.getpid()}" in told.stderr
    assert f"try: procdemo xray {os.getpid()}" in told.stderr


def test_the_command_itself_is_refused():
    result = run("-c", 'exec "$0" xray $$', *PROCDEMO, program=["sh"]).assert_clean(1, stderr_lines=2)
    assert "is this command itself" in result.stderr


@pytest.mark.parametrize("pid", ["0", "-1", "x", "1.5", "99999999999"])
@both_ways
def test_what_is_no_pid_is_wrong_usage(run, pid):
    assert run("xray", pid).assert_clean(2, stderr_lines=4).stdout == ""


def test_nothing_is_held(monkeypatch):
    """A process that changes all the time is not stopped either, and lives on."""
    commands = []
    real = live_stacks._run
    monkeypatch.setattr(live_stacks, "_run", lambda command: commands.append(command) or real(command))
    source = "def down(n): return n and down(n - 1)\nprint(1, flush=True)\nwhile True: down(20)"
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        live_stacks.ask(process.pid, may_hold=False, objects=True)
        assert commands
        assert all("--nonblocking" in command for command in commands)
        used = procfs.stat(process.pid).cpu_ticks
        wait_until(lambda: procfs.stat(process.pid).cpu_ticks > used, what="it runs on")
        process.kill()
