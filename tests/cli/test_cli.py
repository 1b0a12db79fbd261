"""The command line: help, examples, usage errors, options."""

import gc
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from harness import run
from in_process import both_ways, run_here

from procdemo import catalog
from procdemo.catalog import BENCHES
from procdemo.cli import commands, main

DEMOS = [demo.name for demo in catalog.DEMOS]
OTHER_COMMANDS = list(catalog.OTHER_COMMANDS)
SERVERS = [name for name in DEMOS if name.endswith("-server")]
COMMANDS = DEMOS + OTHER_COMMANDS

each_command = pytest.mark.parametrize("name", COMMANDS)


# --- the first screen comes at once


def modules_after(code, *args):
    """Return the modules that are imported once `code` has run in an interpreter of its own."""
    code = f"import sys; {code}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("args", [[], ["--help"]], ids=" ".join)
def test_help_imports_next_to_nothing(args):
    """No pattern, no Rich, no multiprocessing: the first screen must come at once."""
    ours = modules_after("from procdemo.cli import main; main.run()", *args) - modules_after("import click")
    assert "procdemo.cli.main" in ours
    heavy = ("procdemo.patterns", "procdemo.runtime", "rich", "multiprocessing", "json", "socket")
    heavy += ("procdemo.cli.commands", "pathlib", "dataclasses", "random")
    assert not [name for name in ours if name.startswith(heavy)]


def test_the_summaries_of_the_other_commands_are_spelled_right():
    """The help page has them from the catalog, and imports no command for them."""
    shorts = {name: main.main.get_command(None, name).get_short_help_str(80) for name in OTHER_COMMANDS}
    assert shorts == catalog.OTHER_COMMANDS
    assert [*shorts] == ["bench", *commands.COMMANDS]


def test_the_garbage_collector_is_on_while_a_command_works(monkeypatch):
    """It is off during the start, when nothing is garbage."""
    seen = []
    monkeypatch.setattr(commands.list_, "callback", lambda **_: seen.append(gc.isenabled()))
    gc.disable()
    try:
        main.main.main(["list"], standalone_mode=False)
    finally:
        gc.enable()
    assert seen == [True]


def test_g2_python_m_procdemo_is_the_same_command():
    for args in ([], ["--help"], ["spawn", "--help"], ["--version"], ["list"], ["spawm"]):
        installed = run(*args)
        module = run(*args, program=[sys.executable, "-m", "procdemo"])
        assert (installed.status, installed.stdout, installed.stderr) == (
            module.status,
            module.stdout,
            module.stderr,
        )


def test_g2_a_demo_runs_from_another_folder_as_a_module(tmp_path, start_method):
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
        for line in run_here(*filter(None, [name]), "--help").stdout.splitlines():
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
# Lessons about lost work end with status 1.
FAILING = {"--raise-on", "--unpicklable", "--ack", "--poison", "--stuck", "--raises"}


def test_there_are_examples():
    assert {args[0] for args in EXAMPLES if args} >= {*DEMOS, *OTHER_COMMANDS} - {"COMMAND"}


@pytest.mark.parametrize("args", EXAMPLES, ids=" ".join)
def test_every_example_parses(args):
    group = click.Context(main.main, **main.main.context_settings)
    command, name, rest = main.main, None, list(args)
    if rest and rest[0] in COMMANDS:
        name = rest.pop(0)
        command = main.main.get_command(None, name)
    if name == "replay":
        rest = ["-"]
    assert command.make_context(name, rest, parent=group).params is not None


ROOT = Path(__file__).parents[2]
README = [
    line
    for name in ("README.md", "docs/reference.md")
    for line in (ROOT / name).read_text("utf-8").splitlines()
]
LONG = {"crawl-callback", "gil", "gil --work call", "lab --all"}
"""Examples that other tests run with --json, or in a shorter time."""
ON_A_TERMINAL = {"--predict", "--tmux"}
"""Options of examples that need a terminal: tests/cli/test_lab_command.py and test_tmux_panes.py have one."""


def remaining_examples():
    """Yield the examples that are no commands of the README: tests/test_readme.py runs those.

    ``make test`` runs the first one of each command.
    """
    seen = set()
    for args in COMPLETE:
        line = " ".join(args)
        if f"procdemo {line}" not in README and not ON_A_TERMINAL & set(args):
            long = line in LONG or "--cluster" in args or args[0] in seen
            seen.add(args[0])
            yield pytest.param(args, marks=pytest.mark.thorough if long else [], id=line)


@pytest.mark.parametrize("args", list(remaining_examples()))
def test_every_example_does_what_it_says(args, tmp_path):
    """As it is written; but a server gets a few clients, so that it ends, and a free port."""
    args = list(args)
    if args[0] in SERVERS:
        args += ["--port", "0"]
        args += ["--clients", "2"] if "--clients" not in args else []
    folders = [word for word in args if word.startswith("/usr/share/doc/")]
    if folders and not os.path.isdir(folders[0]):
        pytest.skip(f"needs {folders[0]}, e.g. from Debian's python3.11-doc")
    if "--cluster" in args and not find_spec("distributed"):
        pytest.skip("needs dask.distributed: make cluster")
    result = run(*args, limit=80, cwd=tmp_path).assert_clean(status=[0, 1] if FAILING & set(args) else 0)
    assert result.stdout or os.listdir(tmp_path)  # -o


# --- usage errors


@pytest.mark.parametrize(
    ("args", "suggestion"),
    [
        (["spwan"], "Did you mean 'spawn'?"),
        (["help", "spwan"], "Did you mean 'spawn'?"),
        (["pool-sever"], "Did you mean 'pool-server'?"),
        (["xyzzy"], "procdemo list"),
        (["spawn", "--childen", "2"], "--children"),
        (["--jsno", "spawn"], "--json"),
        (["source", "prodcon"], "Did you mean 'prodcons'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@both_ways
def test_a_wrong_name_gets_a_suggestion(run, args, suggestion):
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
@both_ways
def test_wrong_usage_is_status_2_and_harmless(run, args):
    result = run(*args).assert_clean(status=2, stderr_lines=5)
    assert result.stdout == ""
    assert "Error: " in result.stderr


# --- options


def test_common_options_may_stand_before_the_name():
    for args in (["--json", "list"], ["list", "--json"]):
        rows = [json.loads(line) for line in run(*args).assert_clean().stdout.splitlines()]
        assert [row["name"] for row in rows] == [demo.name for demo in (*catalog.DEMOS, *BENCHES)]
    before = run("--json", "spawn", "--work", "0").assert_clean()
    assert all(json.loads(line)["role"] for line in before.stdout.splitlines())
    assert run("-q", "spawn", "--work", "0").assert_clean().stdout.startswith("4 of 4 children joined")
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
    assert meta.data["schema"] == 2
    assert meta.data["command"] == "spawn"
    assert meta.data["start_method"] == start_method
    assert meta.data["config"]["children"] == 2
    assert (result.events[-1].kind, result.events[-1].name) == ("result", "summary")
    assert len(result.named("summary")) == 1


def test_states_are_in_json_unless_no_sample():
    for flag, sampled in ([], True), (["--no-sample"], False):
        result = run("spawn", "--json", "--work", "0", *flag).assert_clean(stderr_lines=0)
        assert result.events[0].data["sampled"] is sampled
        assert any(event.kind == "state" for event in result.log) is sampled
    assert "state" not in run("spawn", "--work", "0", "-vv").assert_clean().stdout.replace("statement", "")


def test_a_bench_is_not_looked_at():
    assert "--no-sample" not in run("bench", "start", "--help").assert_clean().stdout
    assert "--no-sample" in run("spawn", "--help").assert_clean().stdout


def shape(result):
    return [(event.kind, event.name, event.role, sorted(event.data)) for event in result.events]


def test_quiet_changes_nothing_in_json():
    plain, quiet = (run("spawn", "--json", "-n", "1", "--style", "function", *q) for q in ([], ["-q"]))
    assert sorted(shape(plain.assert_clean())) == sorted(shape(quiet.assert_clean()))


def test_quiet_shows_less_and_verbose_shows_more():
    sizes = [
        run("spawn", "--work", "0", *flags).assert_clean().stdout.count("\n")
        for flags in (["-q"], [], ["-v"])
    ]
    assert sizes == sorted(set(sizes))
    assert run("spawn", "-q").stdout.splitlines()[-1].startswith("ok: ")


@pytest.mark.parametrize("option", ["supervise --poison", "supervise --stuck", "prodcons --unpicklable"])
def test_an_item_that_there_is_not_is_wrong_usage(option):
    result = run(*option.split(), "20", "--items", "20").assert_clean(2)
    assert "the last is item 19" in result.stderr
    assert "--items 21" in result.stderr
