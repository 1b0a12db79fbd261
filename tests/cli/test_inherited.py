"""A command works whatever its parent has left, and goes on to ignore what that chose to ignore."""

import os
import signal
import subprocess
import sys

import pytest
from harness import PROCDEMO, Command, run
from selection import some_of
from waiting import wait_until

SPAWN = ["spawn", "--work", "0", "--json"]
BEFORE = """
import os, resource, signal, sys
{code}
os.execv(sys.argv[1], sys.argv[1:])
"""


def after(code):
    """Return a program that does something to itself, and then becomes procdemo."""
    return [sys.executable, "-c", BEFORE.format(code=code), *PROCDEMO]


BLOCK_ALL = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"
IGNORE_ALL = "for n in signal.valid_signals() - {9, 19}: n < 32 and signal.signal(n, signal.SIG_IGN)"


def ignore(*names):
    return "".join(f"signal.signal(signal.{name}, signal.SIG_IGN);" for name in names)


@pytest.mark.parametrize(
    ("signum", "status"), some_of([(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 129)]), ids=str
)
def test_a_server_with_all_signals_blocked_hears_a_request_to_stop(start_method, signum, status):
    with Command("pool-server", "--port", "0", program=after(BLOCK_ALL), start_method=start_method) as server:
        server.wait_line("^listening")
        server.signal(signum)
        server.finish(within=4).assert_clean(status)


@pytest.mark.parametrize(
    "name", some_of(["echo-server", "thread-server", "prefork-server", "selector-server", "async-server"], 1)
)
def test_each_server_hears_sigterm_though_it_was_blocked_and_ignored(name):
    with Command(name, "--port", "0", program=after(f"{IGNORE_ALL}\n{BLOCK_ALL}")) as server:
        server.wait_line("^listening")
        server.signal(signal.SIGTERM)
        server.finish(within=4).assert_clean()


@pytest.mark.parametrize("ignored", [("SIGINT",), ("SIGHUP",), ("SIGINT", "SIGHUP")], ids="+".join)
def test_what_the_parent_ignores_on_purpose_stays_ignored(ignored):
    """A background job of a script, and nohup."""
    with Command("echo-server", "--port", "0", "--json", program=after(ignore(*ignored))) as server:
        server.wait_event("listening")
        with open(f"/proc/{server.pid}/status") as file:
            mask = next(int(line.split()[1], 16) for line in file if line.startswith("SigIgn"))
        for name in ignored:
            assert mask >> getattr(signal, name) - 1 & 1
            server.signal(getattr(signal, name))
        server.signal(signal.SIGTERM)
        server.finish(within=4).assert_clean()


def test_a_request_to_stop_that_was_sent_before_the_start_is_heard():
    """It was blocked, and is delivered when the mask is lifted."""
    code = f"{BLOCK_ALL}; os.kill(os.getpid(), signal.SIGTERM)"
    run("echo-server", "--port", "0", program=after(code)).assert_clean(143)


@pytest.mark.parametrize(
    "code",
    some_of(
        [
            ignore("SIGCHLD", "SIGPIPE", "SIGALRM"),
            IGNORE_ALL,
            BLOCK_ALL,
            "os.umask(0o777)",
            "os.umask(0)",
            "os.nice(19)",
            "import tempfile; os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())",
            "os.environ.clear()",
            "os.environ.clear(); os.environ.update(PATH='', HOME='', LANG='xx_YY', TERM='odd', TMPDIR='')",
            "os.environ.update(COLUMNS='0', LINES='-1')",
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
            "os.dup2(os.open(os.devnull, os.O_WRONLY), 0)",
            "[os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True) for _ in range(200)]",
        ]
    ),
    ids=range(13),
)
def test_a_demo_works_whatever_it_inherits(start_method, code):
    started = run(*SPAWN, program=after(code), start_method=start_method).assert_clean().named("exited")
    assert [event.data["exitcode"] for event in started] == [0] * len(started) != []


@pytest.mark.parametrize(
    "args", [["lab", "own-memory"], ["prodcons", "--items", "3", "--work", "0"]], ids=" ".join
)
def test_ten_thousand_open_descriptors_do_not_matter(args):
    code = """
most = 10_100
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard != resource.RLIM_INFINITY and hard < most: sys.exit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
for _ in range(10_000): os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
"""
    result = run(*args, program=after(code))
    if result.status == 77:
        pytest.skip("so many descriptors are not permitted here")
    result.assert_clean()


@pytest.mark.thorough
@pytest.mark.parametrize("closed", ["0", "1", "2", "01", "02", "12", "012"])
@pytest.mark.parametrize("args", [SPAWN, ["lab", "own-memory"], ["list"]], ids=" ".join)
def test_closed_standard_streams_do_no_harm(args, closed):
    code = ";".join(f"os.close({fd})" for fd in closed)
    run(*args, program=after(code)).assert_clean()


@pytest.mark.parametrize("args", [["race", "--step"], ["replay", "-"]], ids=" ".join)
def test_a_stdin_that_cannot_be_read_is_said_or_empty(args):
    """nohup opens it for writing only."""
    result = run(*args, program=after("os.dup2(os.open(os.devnull, os.O_WRONLY), 0)"))
    assert result.status in {0, 1}
    assert "write the output" not in result.stderr
    if args[0] == "replay":
        assert "read stdin, which is open for writing only" in result.stderr


def test_children_of_the_shell_that_became_the_command_are_left_alone(tmp_path):
    """Neither waited for nor killed; nor are the orphans that they leave to us."""
    script = f"""
sleep 1000 >{tmp_path}/out 2>&1 </dev/null & echo $! >{tmp_path}/own
(until [ -e {tmp_path}/go ]; do sleep 0.01; done; (sleep 1000 & echo $! >{tmp_path}/orphan)) >/dev/null 2>&1 &
exec "$0" "$@"
"""
    own, orphan = tmp_path / "own", tmp_path / "orphan"
    program = ["sh", "-c", script, *PROCDEMO]
    server = ("echo-server", "--port", "0", "--start-method", "fork")  # helpers would be orphans, too
    popen = subprocess.Popen([*program, *server], stdout=subprocess.PIPE)
    try:
        while not popen.stdout.readline().startswith(b"listening"):
            pass
        (tmp_path / "go").touch()
        wait_until(lambda: orphan.exists() and orphan.read_text().endswith("\n"), what="the orphan")
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(10) == 0
        for file in (own, orphan):
            os.kill(int(file.read_text()), 0)
    finally:
        popen.stdout.close()
        popen.kill()
        popen.wait()
        for file in (own, orphan):
            if file.exists():
                os.kill(int(file.read_text()), signal.SIGKILL)
                os.waitpid(int(file.read_text()), 0)  # the test process adopts orphans
