"""procdemo from a zip, and under Pythons that were started in other ways than usual."""

import importlib.util
import os
import shutil
import sys
import tempfile
import zipapp
from pathlib import Path

import pytest
from harness import PROCDEMO, run

PARTS = ["procdemo", "click", "rich", "pygments", "markdown_it", "mdurl", "h11", "protego", "webencodings"]
SHORT = ["--work", "0"]
MAIN = "from procdemo.__main__ import main\nmain()\n"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return a zip with procdemo and all that it needs of pure Python; it can also be run."""
    folder = tmp_path_factory.mktemp("zip")
    for name in PARTS:
        spec = importlib.util.find_spec(name)
        for place in spec.submodule_search_locations:
            shutil.copytree(place, folder / "all" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "all" / "__main__.py").write_text(MAIN)
    zipapp.create_archive(folder / "all", folder / "procdemo.pyz")
    shutil.rmtree(folder / "all")
    return folder / "procdemo.pyz"


def from_zip(archive, *options):
    """Return a program: procdemo in the zip, with a Python that has no other packages."""
    return [os.path.realpath(sys.executable), "-S", *options, str(archive)]


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        pytest.param(
            ["lab", "join-before-drain", "--start-method", "spawn"], "HUNG", marks=pytest.mark.thorough
        ),
        (["spawn", *SHORT, "--start-method", "forkserver"], "ok:"),
        (["spawn", *SHORT, "-o", "-.html"], "echarts"),
        pytest.param(["lab"], "own-memory", marks=pytest.mark.thorough),
        pytest.param(["lab", "own-memory", "--code"], "import os", marks=pytest.mark.thorough),
        pytest.param(["source", "spawn"], "def run(", marks=pytest.mark.thorough),
        pytest.param(["spawn", "--help"], "What to watch", marks=pytest.mark.thorough),
        pytest.param(["spawn", *SHORT, "--start-method", "spawn"], "ok:", marks=pytest.mark.thorough),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_zip_works(archive, tmp_path, args, shown):
    assert shown in run(*args, program=from_zip(archive), cwd=tmp_path).assert_clean().stdout


@pytest.mark.thorough
def test_a_zip_on_the_path_works(archive, tmp_path):
    program = [os.path.realpath(sys.executable), "-S", "-m", "procdemo"]
    result = run("lab", "own-memory", program=program, env={"PYTHONPATH": str(archive)}, cwd=tmp_path)
    assert "OK" in result.assert_clean().stdout


@pytest.mark.thorough
def test_a_zip_with_a_relative_name_works(archive):
    program = [os.path.realpath(sys.executable), "-S", archive.name]
    result = run("lab", "own-memory", program=program, cwd=archive.parent)
    assert "OK" in result.assert_clean().stdout


def test_a_zip_says_that_a_compiled_module_has_to_be_unpacked(archive, tmp_path):
    result = run("crawl-callback", "--site", ".", program=from_zip(archive), cwd=tmp_path)
    result.assert_clean(status=3, stderr_lines=2)
    assert "error: the module selectolax cannot be imported" in result.stderr
    assert "try: unpack the zip" in result.stderr


@pytest.mark.parametrize("missing", ["click", "procdemo.cli.main"])
def test_a_part_that_is_missing_is_named_in_two_lines(missing, tmp_path):
    code = f"import sys; sys.modules[{missing!r}] = None\n{MAIN}"
    result = run("spawn", program=[sys.executable, "-c", code], cwd=tmp_path)
    result.assert_clean(status=3, stderr_lines=2)
    assert missing in result.stderr


MODULE = ["-m", "procdemo"]
ITEMS = ["prodcons", "--items", "2", *SHORT]


def thorough(words):
    return pytest.param(words, marks=pytest.mark.thorough)


@pytest.mark.parametrize(
    "options", [["-OO"], *map(thorough, (["-O"], ["-I"], ["-I", "-OO"], ["-E"]))], ids=str
)
@pytest.mark.parametrize(
    "args", [["spawn", *SHORT], thorough(["lab", "own-memory"]), thorough(ITEMS)], ids=str
)
def test_options_of_python_do_no_harm(options, args, start_method):
    run(*args, program=[sys.executable, *options, *MODULE], start_method=start_method).assert_clean()


@pytest.mark.parametrize(
    "args",
    [
        ["spawn", "-h"],
        ["replay", "-h"],
        *map(thorough, (["-h"], ["lab", "-h"], ["bench", "pools", "-h"], ["bench"])),
    ],
    ids=str,
)
def test_the_help_is_there_without_docstrings(args):
    usual = run(*args).assert_clean().stdout
    assert run(*args, program=[sys.executable, "-OO", *MODULE]).assert_clean().stdout == usual


@pytest.mark.parametrize("args", [["spawn", *SHORT], thorough(["supervise", "--items", "2"])], ids=str)
def test_pythoninspect_does_not_change_how_processes_end(args, start_method):
    """The command itself becomes an interactive Python, as was asked for: it reads the end of its stdin."""
    result = run(*args, "--json", start_method=start_method, env={"PYTHONINSPECT": "1"})
    ended = [event.data for event in result.events if event.name == "exited"]
    assert result.summary["ok"] is True, result.told()
    by_themselves = [data["exitcode"] for data in ended if not data["by"]]  # main kills what comes too late
    assert set(by_themselves) == {0}, result.told()


ODD = os.fsdecode(b"n\xff\xe9")


@pytest.fixture
def odd_folder():
    """Return a folder with an odd name, which is short: a socket of the fork server has its name below it."""
    folder = Path(tempfile.mkdtemp(prefix="odd", suffix=ODD, dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.thorough
def test_names_that_are_not_utf_8_do_no_harm(odd_folder):
    folder = odd_folder
    (folder / "index.html").write_text("<a href='b.html'>b</a>")
    (folder / "b.html").write_text("b")
    (folder / f"{ODD}.html").write_text("c")
    odd = {"env": {"TMPDIR": str(folder)}, "cwd": folder}
    run("spawn", *SHORT, "--record", f"{ODD}.jsonl", "-o", f"{ODD}.svg", **odd).assert_clean()
    run("replay", f"{ODD}.jsonl", **odd).assert_clean()
    run("lab", "own-memory", **odd).assert_clean()
    run("prodcons", "--items", "2", "--work", "0", "--start-method", "forkserver", **odd).assert_clean()
    run("crawl-callback", "--site", str(folder), **odd).assert_clean()
    for args in (["replay", f"{ODD}.none"], ["spawn", "-o", f"{ODD}.txt"], [ODD], ["lab", ODD]):
        run(*args, **odd).assert_clean(status=2, stderr_lines=4)


@pytest.mark.thorough
def test_an_interpreter_with_an_odd_name_does_no_harm(tmp_path):
    link = tmp_path / ODD
    link.symlink_to(os.path.realpath(sys.executable))
    path = os.pathsep.join(str(Path(importlib.util.find_spec(name).origin).parents[1]) for name in PARTS)
    program = [str(link), *MODULE]
    run("spawn", *SHORT, "--start-method", "spawn", program=program, env={"PYTHONPATH": path}).assert_clean()


def test_the_installed_command_is_the_one_that_is_tested():
    assert PROCDEMO[0].startswith(sys.prefix)
