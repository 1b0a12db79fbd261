"""`watch` starts a program as it would run without: the same streams, signals, environment, exit status."""

import json
import os
import signal
import subprocess
import sys

import pytest
from harness import PROCDEMO, run
from in_process import both_ways
from under_watch import UnderWatch

INHERITED = """
import json, os, sys
with open("/proc/self/status") as file:
    fields = {line.partition(":")[0]: line.partition(":")[2].strip() for line in file}
names = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
fds = {name: os.readlink(f"/proc/self/fd/{name}") for name in names}
kept = {name: fields[name] for name in ("SigBlk", "SigIgn", "Umask", "NoNewPrivs")}
with open("/proc/self/environ") as file:
    environment = sorted(file.read().split("\\0"))
print(json.dumps([kept, fds, environment, os.getcwd(), os.getpgrp(), os.getsid(0), os.nice(0),
                  os.sched_getscheduler(0), sys.argv]))
"""


def some(cases, usual):
    """Return all cases; ``make test`` has the usual ones only."""
    return [pytest.param(case, marks=[] if case in usual else pytest.mark.thorough) for case in cases]


def refused(*args, status, words):
    result = run("watch", *args).assert_clean(status, stderr_lines=4)
    assert result.stdout == ""
    for each in words:
        assert each in result.stderr, result.told()


STATUSES = {
    "exit 0": 0,
    "exit 3": 3,
    "exit 255": 255,
    "kill -KILL $$": 137,
    "kill -TERM $$": 143,
    "kill -INT $$": 130,
    "kill -SEGV $$": 139,
}


@pytest.mark.parametrize("code", some(STATUSES, {"exit 3", "kill -INT $$"}))
def test_the_exit_status_is_that_of_the_program(code):
    status = STATUSES[code]
    result = run("watch", "--", "sh", "-c", f"ulimit -c 0; {code}")
    assert result.assert_clean(status, stderr_lines=5).stderr.count("ended: ") == 1


def test_a_program_that_is_not_there(tmp_path):
    refused("--", "no-such-program", status=127, words=["there is no program no-such-program"])
    refused("no-such.py", status=127, words=["there is no script 'no-such.py'", "watch -- COMMAND"])
    refused("ls", status=127, words=["try: procdemo watch -- ls"])
    refused("--python", "no-such", __file__, status=127, words=["there is no Python 'no-such'"])
    (tmp_path / "text").write_text("print(1)")
    refused(
        "--", str(tmp_path / "text"), status=126, words=["cannot be run: Permission denied", "try: ls -l"]
    )


def test_a_script_without_a_first_line_is_run_by_the_shell(tmp_path):
    script = tmp_path / "script"
    script.write_text("exit 9")
    script.chmod(0o755)
    assert run("watch", "-q", "--", str(script)).assert_clean(9, stderr_lines=0)


@both_ways
def test_wrong_usage(run):
    for args in ([], ["-m"], ["--json", "x.py"], ["--still", "0", "x.py"], ["-o", "-", "x.py"]):
        assert run("watch", *args).assert_clean(2, stderr_lines=4).stdout == ""
    assert "--record FILE" in run("--json", "watch", "x.py").assert_clean(2, stderr_lines=4).stderr
    assert (
        "stdout is the program's own"
        in run("watch", "--record", "-", "x.py").assert_clean(2, stderr_lines=4).stderr
    )


def test_what_is_behind_the_script_is_its_own(tmp_path):
    (tmp_path / "args.py").write_text("import sys; print(sys.argv[1:], sys.stdin.read())")
    expected = "['--still', '3', '-x', '--', 'a b', ''] typed\n"
    words = ["--still", "3", "-x", "--", "a b", ""]
    script = str(tmp_path / "args.py")
    for args in (
        ["-q", script, *words],
        ["-q", "-m", "args", *words],
        ["-q", "-margs", *words],
        ["--", sys.executable, script, *words],
    ):
        told = subprocess.run(
            [*PROCDEMO, "watch", *args],
            input="typed",
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert told.stdout == expected, args


def test_which_python(tmp_path):
    """The environment in use comes first, then the PATH."""
    for folder in ("venv/bin", "path"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("venv/bin/python", "path/python3"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name}")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}/path:{os.environ['PATH']}"
    for env, expected in (
        ({"VIRTUAL_ENV": f"{tmp_path}/venv", "PATH": path}, "venv/bin/python"),
        ({"VIRTUAL_ENV": f"{tmp_path}/none", "PATH": path}, "path/python3"),
    ):
        result = run("watch", "-q", __file__, env=env, program=[sys.executable, "-m", "procdemo"])
        assert result.assert_clean(0).stdout.strip() == expected
    by_name = run("watch", "-q", "--python", f"{tmp_path}/path/python3", __file__)
    assert by_name.assert_clean(0).stdout == "path/python3\n"


SITUATIONS = {
    "as usual": "",
    "nohup": "trap '' HUP; ",
    "ignored": "trap '' INT TERM ALRM USR1 CHLD; ",
    "umask": "umask 777; ",
    "descriptors": "exec 7</dev/zero 9>/dev/full; ",
    "closed stdin": "exec 0<&-; ",
    "C locale": "unset LC_ALL LC_CTYPE LANG; ",
    "odd sizes": "export COLUMNS=0 LINES=abc; ",
    "own folder": "cd /; ",
}


@pytest.mark.parametrize("situation", some(SITUATIONS, {"ignored", "descriptors", "C locale"}))
def test_the_program_inherits_what_watch_has_inherited(tmp_path, situation):
    script = tmp_path / "inherited.py"
    script.write_text(INHERITED)
    alone = [sys.executable, "-SE", str(script), "x"]
    seen = []
    for command in (alone, [*PROCDEMO, "watch", "-q", "--", *alone]):
        shell = ["sh", "-c", f'{SITUATIONS[situation]}exec "$@"', "sh", *command]
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
        try:
            told = subprocess.run(shell, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        seen.append(json.loads(told.stdout))
    for result in seen:
        for fd in "12":
            result[1].pop(fd)  # pipes of ours
    assert seen[0] == seen[1]


def test_it_does_not_keep_what_belongs_to_the_program():
    """The reader of a pipe sees its end when the program closes it, though watch still runs."""
    read, write = os.pipe()
    code = f"import os, sys; os.close({write}); os.close(1); sys.stdin.read()"
    program = [*PROCDEMO, "watch", "-q", "--", sys.executable, "-c", code]
    with subprocess.Popen(program, pass_fds=[write], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watch:
        os.close(write)
        assert os.read(read, 1) == b""
        assert watch.stdout.read() == b""
        assert watch.poll() is None
        watch.communicate(b"")
    os.close(read)


def test_signals_go_to_both_and_are_the_programs_own_business(tmp_path):
    """As a terminal does it: Ctrl-C and Ctrl-\\ for the whole process group."""
    source = """
import os, signal, sys
taken = {signal.SIGINT, signal.SIGQUIT}
signal.pthread_sigmask(signal.SIG_BLOCK, taken)  # a handler may run late
print("ready", flush=True)
for _ in taken: os.write(1, signal.Signals(signal.sigwait(taken)).name.encode())
sys.stdin.read()
"""
    with UnderWatch(tmp_path, source, watch=["-q"], start="", stdin=subprocess.PIPE) as watched:
        watched.wait_line("ready")
        watched.signal_group(signal.SIGINT)
        watched.wait_line("SIGINT")
        watched.signal_group(signal.SIGQUIT)
        watched.wait_line("SIGQUIT")
        watched.stdin.close()
        watched.finish().assert_clean(0, stderr_lines=0)


GIVES_WAY = """
import os, time
while os.sched_getscheduler(os.getppid()) != os.SCHED_BATCH: time.sleep(0.01)
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def test_when_it_wakes_it_interrupts_no_turn_of_the_program():
    result = run("watch", "-q", "--", sys.executable, "-c", GIVES_WAY).assert_clean(0, stderr_lines=0)
    assert result.stdout == "True\n"


def test_a_record_is_replayed(tmp_path):
    with UnderWatch(tmp_path, "import os; os._exit(5)", watch=["--plain"], start="") as watched:
        status, told = watched.finish().status, watched.result.stderr
    replayed = run("replay", "--plain", str(watched.record))
    assert replayed.status == status == 5
    assert replayed.stdout.splitlines()[-1] == told.splitlines()[-1]
    assert told.splitlines()[-1].startswith("ended: exit status 5 after ")


def test_pictures_are_drawn(tmp_path):
    files = [tmp_path / f"run{end}" for end in (".html", ".svg", ".json")]
    options = [word for file in files for word in ("-o", str(file))]
    script = tmp_path / "script.py"
    script.write_text("import threading; threading.Thread(target=print).start()")
    run("watch", "-q", "--python", sys.executable, *options, str(script)).assert_clean(0, stderr_lines=0)
    assert "script.py" in files[0].read_text()
    assert "ended: exit status 0" in files[1].read_text().replace("&#160;", " ")
    assert json.loads(files[2].read_text())
