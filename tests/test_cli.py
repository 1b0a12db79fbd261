"""The command as a stranger meets it: installed, in a pipe, in a script, interrupted."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest
from harness import PROCDEMO, Command, run
from rich.cells import cell_len

from procdemo import cli
from procdemo.syllabus import ROWS

DEMOS = [row.name for row in ROWS]
TOOLS = list(cli.main.commands)
SERVERS = [name for name in DEMOS if name.endswith("-server")]
COMMANDS = DEMOS + TOOLS

each_command = pytest.mark.parametrize("name", COMMANDS)


# --- help


def test_procdemo_alone_is_a_screen_of_help_with_examples_first():
    told = run().assert_clean().stdout
    lines = told.splitlines()
    assert len(lines) <= 24
    examples = [line for line in lines if line.startswith("  procdemo ")]
    assert len(examples) == 3
    assert lines.index(examples[0]) < lines.index("Commands:")
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in DEMOS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_the_group_names_every_command_and_exit_status(flag):
    told = run(flag).assert_clean().stdout
    assert all(f"\n  {name} " in told for name in COMMANDS)
    assert all(f"{code} " in told for code in (0, 1, 2, 3, 4, 130, 143))


@each_command
def test_each_help_page_has_an_example_and_fits(name):
    told = run(name, "--help").assert_clean().stdout
    assert run(name, "-h").stdout == told
    assert f"\n    procdemo {name}" in told
    assert max(map(cell_len, told.splitlines())) <= 80
    assert "--json" in told


def modules_after(code, *args):
    """Return the modules that are imported once `code` has run in an interpreter of its own."""
    code = f"import sys; {code}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, timeout=20
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("args", [[], ["--help"]], ids=" ".join)
def test_help_imports_next_to_nothing(args):
    """No pattern, no screen, no multiprocessing: the first screen is there at once."""
    ours = modules_after("from procdemo import cli; cli.run()", *args) - modules_after("import click")
    assert "procdemo.cli" in ours
    heavy = ("procdemo.patterns", "procdemo.stage", "rich", "multiprocessing", "json", "socket")
    assert not [name for name in ours if name.startswith(heavy)]


def test_python_m_procdemo_is_the_same_command():
    for args in ([], ["--help"], ["spawn", "--help"], ["--version"], ["list"], ["spawm"]):
        installed = run(*args)
        module = run(*args, program=[sys.executable, "-m", "procdemo"])
        assert (installed.status, installed.stdout, installed.stderr) == (
            module.status,
            module.stdout,
            module.stderr,
        )


def test_a_demo_runs_from_another_folder_as_a_module(tmp_path, start_method):
    """Under spawn and forkserver children import the main module: the command must not run again."""
    program = [sys.executable, "-m", "procdemo"]
    result = run("spawn", "--json", program=program, cwd=tmp_path, start_method=start_method).assert_clean()
    assert len(result.named("meta")) == 1
    assert result.summary["joined"] == 4
    assert os.listdir(tmp_path) == []


# --- examples


def examples():
    """Return the words of every example in every help page, without ``procdemo`` itself."""
    found = set()
    for name in [None, *COMMANDS]:
        for line in run(*filter(None, [name]), "--help").stdout.splitlines():
            line = re.sub(r"\s{2,}\(.*\)$", "", line)  # noqa: PLW2901 - "(in another terminal)"
            if re.match(r"\s+procdemo ", line):
                parts = [shlex.split(part) for part in re.split(r"[|>&]", line)]
                found |= {tuple(part[1:]) for part in parts if part and part[0] == "procdemo"}
    return sorted(found)


EXAMPLES = examples()
COMPLETE = [
    args
    for args in EXAMPLES
    if args and args[0] in {*DEMOS, "list", "source"} - {"echo-client"} and "https:" not in " ".join(args)
]
FAILING = {"--raise-on", "--unpicklable", "--ack"}  # lessons about lost work end with status 1


def test_there_are_examples():
    assert {args[0] for args in EXAMPLES if args} >= {*DEMOS, *TOOLS} - {"COMMAND"}


@pytest.mark.parametrize("args", EXAMPLES, ids=" ".join)
def test_every_example_parses(args):
    command, name, rest = cli.main, None, list(args)
    if rest and rest[0] in COMMANDS:
        name = rest.pop(0)
        command = cli.main.get_command(None, name)
    if name == "replay":
        rest = ["-"]
    assert command.make_context(name, rest).params is not None


@pytest.mark.parametrize("args", COMPLETE, ids=" ".join)
@pytest.mark.timeout(90)
def test_every_example_does_what_it_says(args):
    """Copied and pasted; a server gets a few visitors, so that it ends, and a port of its own."""
    args = list(args)
    if args[0] in SERVERS:
        args += ["--port", "0"]
        args += ["--clients", "2"] if "--clients" not in args else []
    folders = [word for word in args if word.startswith("/usr/share/doc/")]
    if folders and not os.path.isdir(folders[0]):
        pytest.skip(f"needs {folders[0]}, e.g. from Debian's python3.11-doc")
    result = run(*args, limit=80).assert_clean(status=[0, 1] if FAILING & set(args) else 0)
    assert result.stdout


# --- usage errors


@pytest.mark.parametrize(
    ("args", "suggestion"),
    [
        (["spwan"], "Did you mean 'spawn'?"),
        (["pool-sever"], "Did you mean 'pool-server'?"),
        (["xyzzy"], "procdemo list"),
        (["spawn", "--childen", "2"], "--children"),
        (["--jsno", "spawn"], "--json"),
        (["source", "prodcon"], "Did you mean 'prodcons'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_name_gets_a_suggestion(args, suggestion):
    result = run(*args).assert_clean(status=2, stderr_lines=5)
    assert suggestion in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "args",
    [
        ["spawn", "-q", "-v"],
        ["-q", "spawn", "-v"],
        ["spawn", "--children", "0"],
        ["spawn", "--children", "x\x1b[2J"],
        ["spawn", "--work", "nan"],
        ["spawn", "--timeout", "inf"],
        ["spawn", "--start-method", "teleport"],
        ["spawn", "--color", "sometimes"],
        ["spawn", "surplus\x1b]0;PWN\x07"],
        ["\x1b[2J"],
        ["--\x1b[2J"],
        ["source", "\x1b[2J"],
    ],
    ids=repr,
)
def test_wrong_usage_is_status_2_and_harmless(args):
    result = run(*args).assert_clean(status=2, stderr_lines=5)
    assert result.stdout == ""
    assert "Error: " in result.stderr


# --- options


def test_common_options_may_stand_before_the_name():
    for args in (["--json", "list"], ["list", "--json"]):
        rows = [json.loads(line) for line in run(*args).assert_clean().stdout.splitlines()]
        assert [row["name"] for row in rows] == DEMOS
    before = run("--json", "spawn", "--work", "0").assert_clean()
    assert all(json.loads(line)["role"] for line in before.stdout.splitlines())
    assert run("-q", "spawn", "--work", "0").assert_clean().stdout.startswith("children")
    assert "\x1b[" in run("--color", "always", "spawn", "--work", "0").stdout


def test_an_option_can_be_set_in_the_environment_and_the_flag_wins():
    environment = {"PROCDEMO_SPAWN_CHILDREN": "3"}
    assert run("spawn", "--json", "--work", "0", env=environment).assert_clean().summary["started"] == 6
    flagged = run("spawn", "--json", "--work", "0", "--children", "1", env=environment).assert_clean()
    assert flagged.summary["started"] == 2
    wrong = run("spawn", env={"PROCDEMO_SPAWN_CHILDREN": "x"}).assert_clean(status=2, stderr_lines=5)
    assert "PROCDEMO_SPAWN_CHILDREN" in wrong.stderr or "--children" in wrong.stderr
    assert "PROCDEMO_SPAWN_" in run("spawn", "--help").stdout


# --- json


def test_json_is_the_whole_run_and_nothing_else(start_method):
    result = run("spawn", "--json", start_method=start_method).assert_clean(stderr_lines=0)
    meta = result.events[0]
    assert (meta.kind, meta.name) == ("mark", "meta")
    assert meta.data["schema"] == 1
    assert meta.data["command"] == "spawn"
    assert meta.data["start_method"] == start_method
    assert meta.data["config"]["children"] == 2
    assert (result.events[-1].kind, result.events[-1].name) == ("result", "summary")
    assert len(result.named("summary")) == 1


def shape(result):
    return [(event.kind, event.name, event.role, sorted(event.data)) for event in result.events]


def test_quiet_changes_nothing_in_json():
    plain, quiet = (run("spawn", "--json", "-n", "1", "--style", "function", *q) for q in ([], ["-q"]))
    assert sorted(shape(plain.assert_clean())) == sorted(shape(quiet.assert_clean()))


def test_quiet_leaves_the_result_and_verbose_adds_to_the_story():
    sizes = [
        run("spawn", "--work", "0", *flags).assert_clean().stdout.count("\n")
        for flags in (["-q"], [], ["-v"])
    ]
    assert sizes == sorted(set(sizes))
    assert run("spawn", "-q").stdout.splitlines()[-1].startswith("ok: ")


# --- streams

OUTPUTS = [["spawn"], ["spawn", "--json"], ["list"], ["--help"], ["source", "spawn"]]
each_output = pytest.mark.parametrize("args", OUTPUTS, ids=" ".join)


@each_output
def test_a_reader_that_leaves_is_no_error(args):
    """``procdemo ... | head -1``"""
    read, write = os.pipe()
    with Command(*args, stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 1, 141], stderr_lines=0)


@each_output
def test_a_full_disk_is_said_in_a_line(args):
    full = os.open("/dev/full", os.O_WRONLY)
    with Command(*args, stdout=full) as command:
        os.close(full)
        result = command.finish(within=10).assert_clean(status=1, stderr_lines=1)
    assert "No space left" in result.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(closed):
    line = f'exec "$0" "$@" {closed}'
    run("spawn", "--json", "--work", "0", program=["sh", "-c", line, *PROCDEMO]).assert_clean()


def test_an_ascii_terminal_gets_ascii():
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for args in (["spawn"], ["spawn", "--json"], ["list"], ["--help"], ["spawn", "--help"]):
        assert run(*args, env=environment).assert_clean().stdout.isascii()


@pytest.mark.parametrize("columns", [60, 1])
def test_a_narrow_screen_is_respected(columns):
    for args in (["spawn"], ["spawn", "-vv"], ["spawn", "-q"]):
        told = run(*args, env={"COLUMNS": str(columns)}).assert_clean().stdout
        assert max(map(cell_len, told.splitlines())) <= max(columns, 20)


COLOURED = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("environment", "args", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"CLICOLOR_FORCE": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "auto"], True),
        ({"TERM": "dumb"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--json"], False),
    ],
    ids=repr,
)
def test_colour_is_for_those_who_ask(environment, args, coloured):
    for command in (["spawn", "--work", "0"], ["source", "spawn"]):
        told = run(*command, *args, env=environment).stdout
        assert bool(COLOURED.search(told)) is coloured
        assert coloured or "\x1b" not in told


# --- every demo, whatever it shows

SHORT = {
    "spawn": "--work 0",
    "echo-server": "--port 0 --clients 2 --stay 0",
    "pool-server": "--port 0 --clients 3 --stay 0",
    "prefork-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "selector-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "crawl-callback": "--max-pages 5",
    "prodcons": "--items 10 --work 0",
}
LONG = {
    "spawn": "--work 60",
    "echo-server": "--port 0",
    "pool-server": "--port 0",
    "prefork-server": "--port 0 --workers 2",
    "selector-server": "--port 0 --workers 2",
    "crawl-callback": "--page-deadline 60",
    "prodcons": "--items 1000 --work 1",
}
each_staged = pytest.mark.parametrize("name", [row.name for row in ROWS if row.staged])


@each_staged
def test_every_demo_is_clean_under_every_start_method(name, start_method):
    """Warnings about forks of threads and about open files are errors here."""
    result = run(name, "--json", *SHORT[name].split(), start_method=start_method).assert_clean(stderr_lines=0)
    assert result.summary["ok"] is True
    assert not result.named("error")
    assert not result.named("stderr")


@each_staged
def test_no_demo_outlives_its_observer(name, start_method):
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
def test_no_demo_minds_a_reader_that_leaves(name):
    read, write = os.pipe()
    with Command(name, *SHORT[name].split(), stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 1, 141], stderr_lines=0)


@each_staged
def test_ctrl_c_ends_every_demo(name, start_method):
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


def test_a_second_ctrl_c_does_not_wait():
    with Command("spawn", "--json", "--work", "60") as command:
        command.wait_event("hello", nth=6)
        os.kill(command.events[0].pid, signal.SIGSTOP)  # so that it cannot end by itself
        command.signal_group(signal.SIGINT)
        os.kill(command.events[0].pid, signal.SIGSTOP)
        command.signal_group(signal.SIGINT)
        command.finish(within=1).assert_clean(130, stderr_lines=0)


def test_a_killed_command_takes_everything_along(start_method):
    with Command("spawn", "--json", "--work", "60", start_method=start_method) as command:
        command.wait_event("hello", nth=6)
        assert len(command.descendants()) >= 5
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-9)


@pytest.mark.parametrize("delay", [0, 20, 50, 100, 200, 400])
def test_ctrl_c_at_any_moment_leaves_nothing(delay):
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


# --- source


@pytest.mark.parametrize("name", DEMOS)
def test_source_is_the_lesson_ready_to_be_saved(name):
    told = run("source", name).assert_clean().stdout
    compile(told, name, "exec")
    assert "def run(config: Config, emit: Emitter)" in told
