"""What the README promises is tried."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import run
from selection import DEFAULT
from traces import USUAL
from xrayed import needs_stacks

from procdemo.catalog import DEMOS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README + REFERENCE, re.DOTALL)
COMMANDS = sorted(
    {
        line.partition("#")[0].strip()
        for block in BLOCKS
        if "procdemo replay" not in block
        for line in block.splitlines()
        if line.strip().startswith("procdemo")
    }
)
"""tests/cli/test_cli.py runs no example that is one of these."""
STATUS = {
    "procdemo prodcons --ack early": 1,
    "procdemo prodcons --kill consumer-0@0.2": 1,
    "procdemo prodcons --consumers 1 --stop consumer-0@0.2 --timeout 3": 4,
    "procdemo spawn --work 5 --chaos kill:0.3": 1,
}


def test_it_is_short():
    lines = README.splitlines()
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("page", ["README.md", "docs/reference.md"])
def test_its_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert links
    assert not [link for link in links if not ((ROOT / page).parent / link).exists()]


def test_the_table_of_the_reference_names_every_demo():
    named = re.findall(r"^\| `procdemo ([a-z-]+)", REFERENCE, re.MULTILINE)
    assert sorted(named) == sorted(demo.name for demo in DEMOS)


def numbered(text):
    """Return a text in one line, with its PIDs and times replaced by letters, in the order of appearance."""
    found = {}
    text = re.sub(r"after \d+\.\d s", "after a while", " ".join(text.split()))
    return re.sub(r"(?<!:)\b\d+\b", lambda number: found.setdefault(number[0], f"PID-{len(found)}"), text)


def test_the_hanging_program_is_told_as_it_shows(tmp_path):
    """The locks have their letters by the order of the numbers in the kernel: either child may have A."""
    needs_stacks()
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (typed, shown) = re.findall(r"```\n\$ (procdemo watch bank\.py)\n(.*?)```", README, re.DOTALL)[0]
    (tmp_path / "bank.py").write_text(code)
    command = [*shlex.split(typed)[1:2], "--still", "1", "--on-hang", "kill", *shlex.split(typed)[2:]]
    result = run(*command, cwd=tmp_path, env={"VIRTUAL_ENV": sys.prefix})
    told = result.stderr.partition("\n\n")[0]
    assert result.status == 4
    if DEFAULT != "fork":  # from 3.14 on the children have another parent, and main waits otherwise
        circle = (
            r"(?s)A circle:\n  child (\d+) \(bank\.py:7\).* child (\d+) holds\n  child \2 .* child \1 holds\n"
        )
        assert re.search(circle, told)
        return
    swapped = shown.replace("lock A", "lock ?").replace("lock B", "lock A").replace("lock ?", "lock B")
    assert numbered(told) in {numbered(shown), numbered(swapped)}


def usual(command):
    """Return whether ``make test`` runs it: other tests have bench and tour, in shorter time."""
    long = re.match("procdemo (bench|tour)", command)
    return pytest.param(command, marks=pytest.mark.thorough if long else [])


@pytest.mark.parametrize("command", [usual(line) for line in COMMANDS])
def test_its_commands_do_what_it_says(command, tmp_path):
    # At the end main must be faster than a consumer with its last item; and a death must be in the run.
    env = {}
    if "--ack early" in command:
        env = {"PROCDEMO_PRODCONS_WORK": "1", "PROCDEMO_PRODCONS_ITEMS": "4"}
    elif "--kill consumer" in command:
        env = {"PROCDEMO_PRODCONS_WORK": "0.2"}
    elif command.startswith("procdemo crawl-callback --kill"):
        env = USUAL
    result = run(*shlex.split(command)[1:], limit=90, cwd=tmp_path, env=env)
    talk = {"stderr_lines": 40} if command == "procdemo tour" else {}  # of watch
    result.assert_clean(STATUS.get(command, 0), **talk)


def test_a_run_can_be_kept_and_shown_again(tmp_path):
    (block,) = [block for block in BLOCKS if "procdemo replay" in block]
    shown = [run(*shlex.split(line)[1:], within=60, cwd=tmp_path) for line in block.splitlines()]
    for result in shown:
        result.assert_clean(0)
    drawn, recorded, again, slowly, page = (result.stdout for result in shown)
    assert "done 20" in drawn
    assert recorded == again == slowly == page
    assert {path.name for path in tmp_path.iterdir()} == set(re.findall(r"\w+\.(?:html|svg|jsonl?)", block))


def test_a_picture_is_drawn_into_a_new_file_and_makes_no_request(tmp_path):
    kept, picture = tmp_path / "run.jsonl", tmp_path / "run.svg"
    kept.write_text(run("spawn", "--work", "0", "--json", within=30).stdout, encoding="utf-8")
    run("replay", str(kept), "-o", str(picture), within=30).assert_clean(status=0)
    drawn = picture.read_text(encoding="utf-8")
    assert "child-0" in drawn
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]
    again = run("replay", str(kept), "-o", str(picture), within=30)
    assert again.status == 2
    assert "exists" in again.stderr
    assert picture.read_text(encoding="utf-8") == drawn, "nothing is overwritten"
    assert run("replay", str(kept), "-o", str(tmp_path / "run.png"), within=30).status == 2


def test_its_pictures_are_there_and_make_no_request():
    pictures = re.findall(r"\]\(([^)]+\.svg)\)", REFERENCE)
    assert pictures
    for name in pictures:
        drawn = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert not re.search(r"""href|src=|@import|@font-face|url\((?!#)|<script|<image""", drawn)


def test_the_environment_sets_an_option():
    result = run("prodcons", env={"PROCDEMO_PRODCONS_ITEMS": "12"}, within=30)
    assert "produced 12 = done 12" in result.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_help_names_what_the_readme_names():

    output = subprocess.run(
        ["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    ).stdout
    for target in ("demo", "test", "lint", "bench", "help"):
        assert f"make {target}" in output
