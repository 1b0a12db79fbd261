"""A run and its surroundings: current folder, environment, temporary files, sockets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from demos import SHORT, long, some_demos, wait_until_all_is_made
from harness import Command, run
from in_process import both_ways
from listeners import listening_tcp, listening_unix
from processes import command_line
from selection import some_of
from waiting import wait_until

# --- modules of the current folder

POISON = """
open(__file__ + ".imported", "w").close()
raise ImportError("poisoned")
"""


@pytest.fixture
def poisoned(tmp_path):
    """Return a folder with a module for every name that is imported anywhere; to import one is an error."""
    ours = {"procdemo", "click", "rich", "h11", "selectolax", "protego", "webencodings"}
    for name in ours | sys.stdlib_module_names - set(sys.builtin_module_names):
        (tmp_path / f"{name}.py").write_text(POISON)
    yield tmp_path
    assert not [path.name for path in tmp_path.iterdir() if path.suffix == ".imported"]


@some_demos
def test_no_module_of_the_current_folder_is_imported(name, start_method, poisoned):
    result = run(name, "--json", *SHORT[name].split(), start_method=start_method, cwd=poisoned)
    result.assert_clean(stderr_lines=0)


@pytest.mark.parametrize(
    "args", some_of([["list"], ["source", "spawn"], ["lab"], ["--help"], ["gil", "--help"]], 1)
)
def test_no_other_command_imports_one_either(args, poisoned):
    assert run(*args, cwd=poisoned).assert_clean(stderr_lines=0).stdout


@pytest.mark.parametrize("args", some_of([["prodcons", "--items", "4"], ["lab", "own-memory"]]))
def test_an_isolated_python_stays_isolated(args, start_method, poisoned):
    program = [sys.executable, "-I", "-m", "procdemo"]
    run(*args, program=program, start_method=start_method, cwd=poisoned).assert_clean(stderr_lines=0)


def test_a_module_of_the_current_folder_can_be_imported(tmp_path):
    (tmp_path / "json.py").write_text(POISON)
    done = subprocess.run(
        [sys.executable, "-c", "import json"], cwd=tmp_path, check=False, capture_output=True
    )
    assert b"poisoned" in done.stderr
    assert (tmp_path / "json.py.imported").exists()


# --- arguments

CODE = [
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY #",
    "| touch CANARY",
    "__import__('os').mkdir('CANARY')",
]
PLACES = [
    ["spawn", "--work"],
    ["echo-server", "--port", "0", "--host"],
    ["prefork-server", "--port", "0", "--host"],
    ["echo-client", "--wait", "1", "--host"],
    ["crawl-callback"],
    ["crawl-callback", "--site"],
    ["race", "--schedule"],
    ["prodcons", "--kill"],
    ["lab"],
    ["source"],
    ["replay"],
    ["completion"],
]


@pytest.mark.parametrize("place", some_of(PLACES, 1), ids=" ".join)
@both_ways
def test_no_argument_is_code(run, place, tmp_path):
    for code in CODE:
        result = run(*place, code, cwd=tmp_path, within=10).assert_clean(status=[1, 2], stderr_lines=5)
        assert result.stderr
        assert os.listdir(tmp_path) == []


# --- the environment

SECRET = "s3cr3t-of-the-environment"


@some_demos
@pytest.mark.parametrize(
    "view", [pytest.param("-vv", marks=pytest.mark.thorough), "--json -vv --debug"], ids=["screen", "json"]
)
def test_nothing_of_the_environment_is_shown(name, view):
    environment = {"PROBE": SECRET, "PROCDEMO_TOKEN": SECRET, f"PROBE_{SECRET}": "1"}
    result = run(name, *SHORT[name].split(), *view.split(), env=environment).assert_clean()
    assert SECRET not in result.stdout + result.stderr


ALLOWED = {"TMPDIR", "PYTHONWARNINGS", "PYTHONSAFEPATH", "PYTHONFAULTHANDLER", "PYTHONUNBUFFERED"}
"""What the runner and the lab add to the environment of the processes that they start."""


def environment_of(pid):
    try:
        return set(Path(f"/proc/{pid}/environ").read_text("utf-8", "replace").split("\0"))
    except OSError:  # it has ended
        return set()


def assert_no_key_is_visible(command):
    """Assert that no secret is where other users, or children of children, can read it."""
    given = environment_of(command.pid)
    assert given
    for pid in command.descendants():
        new = {variable.partition("=")[0] for variable in environment_of(pid) - given}
        assert new <= ALLOWED, f"KEY: {pid} has {new}"
        line = command_line(pid)
        assert not re.search(r"authkey\w*=b|[0-9a-f]{32}|\\x", line), f"KEY: {line}"


@some_demos
def test_h1_nothing_is_open_to_others_and_no_key_is_visible(name, start_method):
    """Checks sockets, command lines and environments of the whole process tree, while it works."""
    with long(name, start_method) as command:
        wait_until_all_is_made(name, command)
        pids = [command.pid, *command.descendants()]
        for address in listening_tcp(pids):
            assert address.startswith("0100007F:"), "127.0.0.1"
        for path in listening_unix(pids):
            assert not path.startswith("@"), "an abstract name is open to all users"
            assert mode(Path(path).parent) == 0o700
        assert_no_key_is_visible(command)


@pytest.mark.parametrize(
    "start", ["AUTHKEY=swordfish sleep 60", 'sh -c "sleep 60; :" 0123456789abcdef0123456789abcdef']
)
def test_the_check_finds_a_visible_key(start):
    with Command(program=["sh", "-c", f"{start} & echo up; wait"]) as command:
        command.wait_line("^up$")
        wait_until(lambda: any(command_line(pid).startswith("sleep") for pid in command.descendants()))
        with pytest.raises(AssertionError, match="KEY"):
            assert_no_key_is_visible(command)


def mode(path):
    return path.stat().st_mode & 0o777


def test_temporary_files_are_private_and_have_random_names(tmp_path, start_method):
    """Even if the umask of the user is 0."""
    program = ["sh", "-c", 'umask 0 && exec "$@"', "sh", sys.executable, "-m", "procdemo"]
    names = set()
    for _ in range(2):
        args = ("prodcons", "--items", "1000", "--work", "1", "--json")
        environment = {"TMPDIR": str(tmp_path)}
        with Command(*args, program=program, env=environment, start_method=start_method) as command:
            wait_until_all_is_made("prodcons", command)
            (folder,) = tmp_path.iterdir()
            assert mode(folder) == 0o700
            for path in folder.rglob("*"):
                assert path.is_dir() <= (mode(path) == 0o700)
            names.add(folder.name)
            command.signal(15)
            command.finish(within=3).assert_clean(143)
    assert len(names) == 2
    assert not {re.sub(r"^pd-[0-9a-f]{8}$", "", name) for name in names} - {""}
