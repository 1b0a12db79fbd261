"""procdemo source: the plain twin of a demo, or the demo's own module; on the screen or in a file."""

import sys
import zipfile

import pytest
from harness import run as run_command
from in_process import both_ways, run_here
from twins import FOLDER

from procdemo.catalog import BENCHES, DEMOS

TWINS = [demo for demo in DEMOS if demo.twin]
OTHERS = [demo for demo in (*DEMOS, *BENCHES) if not demo.twin]
names = {"ids": lambda demo: demo.name}


@pytest.mark.parametrize("demo", TWINS, **names)
@both_ways
def test_it_prints_the_plain_twin(run, demo):
    output = run("source", demo.name).assert_clean(stderr_lines=0).stdout
    assert output == (FOLDER / demo.twin).read_text("utf-8")


@pytest.mark.parametrize("demo", DEMOS, **names)
@both_ways
def test_full_prints_the_module_of_the_demo(run, demo):
    output = run("source", "--full", demo.name).assert_clean(stderr_lines=0).stdout
    compile(output, demo.name, "exec")
    assert "def run(config: Config, emit: Emitter)" in output


@pytest.mark.parametrize("demo", OTHERS, **names)
def test_what_has_no_twin_is_printed_as_it_is(demo):
    words = ["source", *demo.name.split()]
    output = run_here(*words).assert_clean(stderr_lines=0).stdout
    assert "def run(config: Config, emit: Emitter)" in output
    assert run_here(*words, "--full").stdout == output


def test_o_saves_it_and_overwrites_nothing_unless_it_is_told_to(tmp_path):
    file = tmp_path / "spawn.py"
    saved = run_here("source", "spawn", "-o", str(file)).assert_clean(stderr_lines=0)
    assert saved.stdout == ""
    assert file.read_bytes() == (FOLDER / "spawn.py").read_bytes()
    again = run_here("source", "race", "-o", str(file)).assert_clean(2, stderr_lines=5)
    assert "exists" in again.stderr
    assert "--force" in again.stderr
    assert file.read_bytes() == (FOLDER / "spawn.py").read_bytes()
    run_here("source", "race", "--full", "-o", str(file), "--force").assert_clean(stderr_lines=0)
    assert file.read_text("utf-8") == run_here("source", "race", "--full").stdout


def test_o_says_why_a_file_cannot_be_written(tmp_path):
    for name in (str(tmp_path), str(tmp_path / "nowhere" / "spawn.py")):
        result = run_here("source", "spawn", "--force", "-o", name).assert_clean(1)
        assert "Could not open file" in result.stderr
        assert result.stdout == ""


def test_o_minus_is_stdout_without_colour():
    words = ("source", "spawn", "--color", "always")
    assert "\x1b[" in run_here(*words).stdout
    assert run_here(*words, "-o", "-").assert_clean().stdout == (FOLDER / "spawn.py").read_text("utf-8")


def test_it_works_if_procdemo_is_in_a_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "procdemo.zip", "w") as packed:
        for path in FOLDER.parents[1].rglob("*.py"):
            packed.write(path, path.relative_to(FOLDER.parents[2]))
    options = {
        "program": [sys.executable, "-m", "procdemo", "source"],
        "env": {"PYTHONPATH": str(tmp_path / "procdemo.zip")},
        "cwd": tmp_path,
    }
    twin = run_command("pool-server", **options).assert_clean(stderr_lines=0)
    assert twin.stdout == (FOLDER / "pool_server.py").read_text("utf-8")
    full = run_command("pool-server", "--full", **options).assert_clean(stderr_lines=0)
    assert "def run(config: Config, emit: Emitter)" in full.stdout
