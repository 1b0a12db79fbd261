"""pool-server --tmux: everything in one terminal; without tmux the lines to copy."""

import os
import shutil

import pexpect
import pytest
from harness import PROCDEMO, run
from in_process import both_ways
from processes import reap_all
from waiting import wait_until

needs_tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


def test_without_tmux_the_lines_to_copy_are_shown(tmp_path):
    args = ("pool-server", "--tmux", "--workers", "3", "--port", "8123")
    result = run(*args, env={"PATH": str(tmp_path)}).assert_clean(3, stderr_lines=7)
    lines = result.stderr.splitlines()
    assert lines[0] == "error: tmux is not installed"
    assert lines[2] == "  procdemo pool-server --workers 3 --port 8123"
    assert lines[3:6] == ["  procdemo echo-client --port 8123"] * 3


@needs_tmux
@pytest.mark.parametrize(
    ("args", "said"), [((), "--tmux needs a terminal"), (("--clients", "3"), "leave --clients out")]
)
@both_ways
def test_wrong_usage(run, args, said):
    assert said in run("pool-server", "--tmux", *args).assert_clean(2, stderr_lines=4).stderr


@needs_tmux
@pytest.mark.thorough
def test_the_server_its_clients_and_ps_are_in_one_terminal():
    environment = {**os.environ, "TERM": "xterm", "SHELL": "/bin/sh", "LC_ALL": "C.UTF-8"}
    environment.pop("TMUX", None)
    child = pexpect.spawn(
        PROCDEMO[0],
        [*PROCDEMO[1:], "pool-server", "--port", "0", "--tmux"],
        dimensions=(30, 100),
        env=environment,
        encoding="utf-8",
        timeout=180,
    )
    drawn = ["waits: no worker is free", "WCHAN"]  # each once, in any order: tmux sends what has changed
    while drawn:
        drawn.pop(child.expect_exact(drawn))
    child.send("hello\r")
    child.expect_exact("HELLO")
    child.send("\x02d")  # Ctrl-B, d: detach, and all ends
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    wait_until(reap_all)  # what ran in the panes: its parent, the server of tmux, has ended
