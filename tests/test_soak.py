"""The fault programme is complete: each case has a test, and each test that names a case has one of these."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import soak

ROOT = Path(__file__).parents[1]


@pytest.mark.thorough
def test_each_case_has_a_test():
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    names = [line.partition("::")[2] for line in listing.splitlines() if "::" in line]
    cases = {soak.case_of(name) for name in names} - {None}
    assert set(soak.CASES) == cases


def test_the_name_of_a_test_has_its_case():
    assert soak.case_of("test_ours_ends_well[echo-server-fork-a10_a_reader_that_leaves]") == "A10"
    assert soak.case_of("test_the_tutorial_does_not[b1_an_idle_worker-pool]") == "B1"
    assert soak.case_of("test_g2_a_demo_runs_from_another_folder[spawn]") == "G2"
    assert soak.case_of("test_a_demo_has_no_terminal") is None


def test_the_name_of_a_test_has_its_commands():
    assert soak.commands_of("tests/patterns/test_crawl_callback.py", "test_e1_x[fork]") == {"crawl-callback"}
    assert soak.commands_of("tests/test_cli_demos.py", "test_a4_x[spawn-fork]") == {"spawn"}
    assert soak.commands_of("tests/faults/test_stop.py", "test_a6_x[fork-echo-server]") == {"echo-server"}


def item(name, step):
    return SimpleNamespace(name=name, nodeid=name, callspec=SimpleNamespace(params={soak._STEP: step}))


def test_each_repetition_has_one_start_method_and_only_the_first_has_the_tutorial():
    methods = ("fork", "spawn", "forkserver")
    items = [
        item(f"{name}{method}-{step}-20]", step)
        for step in range(20)
        for name in ("test_a1_x[echo-server-", "test_g1_y[spawn-", "test_b1_the_tutorial_does_not[pool-")
        for method in methods
    ]
    drawn = [found.name for found in soak.drawn(items)]
    for name, times in (("echo-server-", 20), ("spawn-", 20), ("pool-", 1)):
        (both,) = [[found for found in drawn if f"[{name}" in found]]
        assert len(both) == times
        if times > 1:
            assert {found.partition(f"[{name}")[2].partition("-")[0] for found in both} == set(methods)


def test_tallies_of_several_runs_make_one_table(tmp_path):
    tally = {"passed": 3, "failed": 0, "commands": ["echo-server"], "tutorial": True}
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    files[0].write_text(json.dumps({"3.11": {"A1": tally}, "3.13": {"A1": {**tally, "failed": 1}}}))
    files[1].write_text(
        json.dumps({"3.11": {"A1": {**tally, "commands": ["pool-server"], "tutorial": False}}})
    )
    page = subprocess.run(
        [sys.executable, ROOT / "scripts" / "faults.py", *files], capture_output=True, text=True, check=True
    ).stdout
    (line,) = [line for line in page.splitlines() if line.startswith("| A1 |")]
    assert line.endswith("| echo-server, pool-server | 6 of 6 | 3 of 4 | yes |")
    assert [line.split()[1] for line in page.splitlines() if line.startswith("| ")][1:] == list(soak.CASES)


def test_the_page_has_every_case_twenty_times_and_no_failure():
    page = (ROOT / "docs" / "faults.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([A-H]\d+) \|(.*)$", page, re.MULTILINE))
    assert list(rows) == list(soak.CASES)
    for case, row in rows.items():
        counts = re.findall(r"\| (\d+) of (\d+) (?=\|)", row)
        assert len(counts) == 2, f"{case}: on two Pythons"
        assert all(int(passed) == int(tried) >= 20 for passed, tried in counts), case


@pytest.mark.thorough
def test_counts_are_added_to_those_of_earlier_runs(tmp_path):
    file = tmp_path / "tally.json"
    which = ["tests/faults/test_strangers.py", "-k", "h4 and echo-server"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--all",
        "-p",
        "soak",
        "-p",
        "no:cacheprovider",
        "--tally",
        file,
    ]
    for _ in range(2):
        subprocess.run([*command, *which], check=True, capture_output=True, cwd=ROOT)
    (cases,) = json.loads(file.read_text()).values()
    assert cases["H4"] == {"passed": 2, "failed": 0, "commands": ["echo-server"], "tutorial": False}
    assert cases["A1"]["passed"] == 0
