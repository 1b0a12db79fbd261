"""What -v says of how to check the lanes: a command that lists the processes of the demo, and their waits."""

import shutil
import signal
import subprocess

import pytest
from harness import Command, run

from procdemo.process import procfs

pytestmark = pytest.mark.skipif(
    not (procfs.LINUX and shutil.which("ps") and shutil.which("pgrep")), reason="no ps and pgrep here"
)


def test_ps_shows_what_the_lanes_show():
    words = ("spawn", "--style", "function", "--work", "600", "-v")
    with Command(*words, start_method="fork") as command:
        ps = command.wait_line(": (ps -o .*)$")[1]
        command.wait_line(r"(?:works for[\s\S]*){2}")
        listed = subprocess.run(ps, shell=True, capture_output=True, text=True, check=True).stdout
        command.signal(signal.SIGTERM)
        command.finish().assert_clean(143)
    head, *rows = listed.splitlines()
    assert head.split() == ["PID", "PPID", "STAT", "WCHAN", "COMMAND"]
    (main, _), *children = [row.split()[:2] for row in rows]
    assert [parent for _, parent in children] == [main, main]


def test_the_table_has_a_row_for_each_process():
    result = run("spawn", "--children", "2", "--work", "1", "--json").assert_clean(0)
    rows = {row.data["role"]: row.data for row in result.log if row.name == "usage"}
    told = {event.role: event.pid for event in result.events if event.role != "observer"}
    helpers = {"fork server", "resource tracker"}  # where they are: they tell nothing themselves
    assert {role: row["pid"] for role, row in rows.items() if role not in helpers} == told
    starter = rows.get("fork server", rows["main"])
    assert rows["child-1"]["parent"] == starter["pid"]
    assert rows["child-1"]["sleeping"] > 0
    assert result.events[-1].name == "summary"
