"""The fault programme is complete: each of its cases has a test, and no test has a case of its own making."""

import subprocess
import sys
from pathlib import Path

import soak

ROOT = Path(__file__).parents[1]


def test_each_case_has_a_test():
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=50,
    ).stdout
    names = [line.partition("::")[2] for line in listing.splitlines() if "::" in line]
    cases = {soak.case_of(name) for name in names} - {None}
    assert set(soak.CASES) == cases


def test_a_name_tells_its_case():
    assert soak.case_of("test_ours_ends_well[echo-server-fork-a10_a_reader_that_leaves]") == "A10"
    assert soak.case_of("test_the_tutorial_does_not[b1_an_idle_worker-pool]") == "B1"
    assert soak.case_of("test_g2_a_demo_runs_from_another_folder[spawn]") == "G2"
    assert soak.case_of("test_a_demo_has_no_terminal") is None


def test_a_name_tells_its_commands():
    assert soak.commands_of("tests/patterns/test_crawl_callback.py", "test_e1_x[fork]") == {"crawl-callback"}
    assert soak.commands_of("tests/test_cli_demos.py", "test_a4_x[spawn-fork]") == {"spawn"}
    assert soak.commands_of("tests/faults/test_stop.py", "test_a6_x[fork-echo-server]") == {"echo-server"}
