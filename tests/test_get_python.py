"""scripts/get_python.sh finds the Python that was asked for, or says why there is none."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "get_python.sh"
FREE = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
THIS = f"{sys.version_info[0]}.{sys.version_info[1]}{FREE}"
TOOLS = ("bash", "cat", "dirname", "grep", "id", "mkdir", "mktemp", "rm")


@pytest.fixture
def get(tmp_path):
    """Run the script without apt-get, and with this Python under each name of `pythons`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))

    def run(*args, pythons=()):
        for name in pythons:
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            place.chmod(0o755)
        environment = {"PATH": str(programs), "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
        return subprocess.run(
            [SCRIPT, *args],
            check=False,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def refusal(result):
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def test_the_one_on_the_path_is_first(get, tmp_path):
    kept = f"home/.pyenv/versions/{THIS.rstrip('t')}.1/bin/python"
    result = get(THIS, "folder", pythons=[f"bin/python{THIS}", kept])
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{tmp_path}/bin/python{THIS}\n", "")


def test_the_one_that_pyenv_keeps_is_next(get, tmp_path):
    kept = f"home/.pyenv/versions/{THIS.rstrip('t')}.1/bin/python"
    assert get(THIS, "folder", pythons=[kept]).stdout == f"{tmp_path}/{kept}\n"


def test_the_one_that_was_installed_is_found_again(get, tmp_path):
    installed = f"folder/bin/python{THIS}" if FREE else f"folder/usr/bin/python{THIS}"
    assert get(THIS, "folder", pythons=[installed]).stdout == f"{tmp_path}/{installed}\n"


@pytest.mark.parametrize("wanted", ["3.99", "3.10", "3.99t"])
def test_a_python_of_another_version_is_not_taken(get, wanted):
    others = [f"bin/python{wanted}", f"home/.pyenv/versions/{wanted}.0/bin/python"]
    line = refusal(get(wanted, "folder", pythons=others))
    why = "this machine has no apt-get to install it with" if os.getuid() == 0 else "only root can install it"
    assert line == f"get_python: no python{wanted} on the PATH, and {why}"


def test_a_build_with_a_gil_is_not_taken_for_one_without(get):
    other = THIS.rstrip("t") if FREE else f"{THIS}t"
    assert "no python" in refusal(get(other, "folder", pythons=[f"bin/python{other}"]))


@pytest.mark.parametrize(
    "args", [(), ("3.14",), ("14", "x"), ("3.14.1", "x"), ("3.14", "x", "y"), ("2.7", "x")]
)
def test_other_arguments_are_refused(get, args):
    assert refusal(get(*args)).startswith("get_python: usage: ")


def test_a_folder_that_cannot_be_made(get, tmp_path):
    (tmp_path / "file").touch()
    assert refusal(get(THIS, "file/folder")) == "get_python: cannot make the folder file/folder"
