"""Two runs on one axis: the same scale, both answers, the larger exit status."""

import json
import re

import pytest
from harness import Command, run
from in_process import run_here

POOL = "pool-server --clients 3 --stay 0.3 --workers"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two pools, on the screen and in files."""
    folder = tmp_path_factory.mktemp("compare")
    files = [arg for name in ("both.html", "both.json") for arg in ("-o", str(folder / name))]
    result = run("compare", f"{POOL} 2", f"procdemo {POOL} 3", *files, env={"COLUMNS": "80"}, limit=40)
    return result.assert_clean(), folder


def test_each_run_has_a_block_and_both_have_the_same_axis(both):
    result, _ = both
    blocks = result.stdout.split("\n\n")[:2]
    assert blocks[0].startswith(f"procdemo {POOL} 2\nmain ")
    assert [len(re.findall("^worker-", block, re.MULTILINE)) for block in blocks] == [2, 3]
    axes = [re.search(r"^ +0 .* m?s$", block, re.MULTILINE)[0] for block in blocks]
    assert axes[0] == axes[1]
    assert "ok: 1 client waited, and " in blocks[0]
    assert "ok: No client had to wait for a worker." in blocks[1]


def test_the_files_have_both_runs(both):
    _, folder = both
    page = (folder / "both.html").read_text("utf-8")
    assert all(f'"{role}"' in page for role in ("1/main", "1/worker-1", "2/main", "2/worker-2"))
    names = {
        entry["args"].get("name", "")
        for entry in json.loads((folder / "both.json").read_text("utf-8"))["traceEvents"]
        if entry["ph"] == "M"
    }
    assert {"1/main", "2/worker-2"} <= {name.partition(" (")[0] for name in names}


def test_json_is_one_log_and_both_begin_at_the_same_time():
    log = run("compare", "race", "race --schedule AAABBB", "--json").assert_clean().log
    assert (log[0].data["command"], log[-1].name) == ("compare", "summary")
    assert [summary["lost"] for summary in log[-1].data["runs"]] == [1, 0]
    for number in ("1", "2"):
        times = [event.time_ns for event in log if event.role.startswith(f"{number}/")]
        assert 0 <= min(times) - log[0].time_ns < 5e9


def test_the_exit_status_is_the_larger_one():
    result = run("compare", "race", "spawn --work 30 -n 1 --style function --kill child-0@0", limit=40)
    assert result.assert_clean(status=1).stdout.count("\nok: ") == 1
    assert "FAILED" in result.stdout


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("prodcom", "Did you mean 'prodcons'?"),
        ("", "For example: procdemo compare"),
        ("bench start", "is no command line of a demo"),
        ("pool-server", "would not end; add --clients"),
        ("race 'A", "is no command line: No closing quotation"),
    ],
)
def test_what_cannot_be_compared(first, said):
    result = run_here("compare", first, "race").assert_clean(status=2, stderr_lines=6)
    assert said in " ".join(result.stderr.split())


def test_a_wrong_option_of_a_run_is_told_by_this_run():
    result = run("compare", "race --schedule AB", "race").assert_clean(status=2, stderr_lines=6)
    assert "not three A and three B" in result.stderr


def test_ctrl_c_ends_both():
    with Command("compare", "spawn --work 60 -n 1", "race") as command:
        command.wait_for(lambda: len(command.descendants()) >= 3, what="the first run")
        command.signal_group(2)
        command.finish(within=5).assert_clean(130, stderr_lines=3)
