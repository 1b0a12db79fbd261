"""The files that a run is written into: opened before it starts, not overwritten without --force."""

import json

import pytest
from harness import run
from in_process import both_ways
from selection import some_of

PRODCONS = ("prodcons", "--items", "4", "--work", "0")


def test_every_form_of_one_run(tmp_path):
    names = {form: tmp_path / f"run.{form}" for form in ("html", "svg", "json", "jsonl")}
    outputs = [word for form in ("html", "svg", "json") for word in ("-o", str(names[form]))]
    result = run(*PRODCONS, *outputs, "--record", str(names["jsonl"])).assert_clean(0, stderr_lines=0)
    assert "produced 4 = done 4" in result.stdout, "the screen is drawn all the same"
    assert names["html"].read_text("utf-8").startswith("<!DOCTYPE html>")
    assert names["svg"].read_text("utf-8").startswith("<svg")
    assert json.loads(names["json"].read_text("utf-8"))["traceEvents"]
    lines = [json.loads(line) for line in names["jsonl"].read_text("utf-8").splitlines()]
    assert (lines[0]["name"], lines[-1]["name"]) == ("meta", "summary")


def test_a_record_is_shown_again_in_every_form(tmp_path):
    kept = tmp_path / "run.jsonl"
    run(*PRODCONS, "--record", str(kept), "-q").assert_clean(0)
    page, again = tmp_path / "run.html", tmp_path / "again.jsonl"
    result = run("replay", str(kept), "-o", str(page), "--pace", "100").assert_clean(0, stderr_lines=0)
    assert "produced 4 = done 4" in result.stdout
    assert page.stat().st_size > 1_000_000
    again.write_text(run("replay", str(kept), "--json").assert_clean(0).stdout)
    assert again.read_text() == kept.read_text()


@pytest.mark.parametrize(
    "args", some_of([["-o", "-"], ["-o", "-.html"], ["-o", "-.svg"], ["-o", "-.json"], ["--record", "-"]])
)
def test_a_file_on_stdout_is_all_that_is_on_stdout(args):
    result = run(*PRODCONS, *args).assert_clean(0, stderr_lines=0)
    begins = {"-": "<!DOCTYPE", "-.html": "<!DOCTYPE", "-.svg": "<svg", "-.json": "{"}
    assert result.stdout.startswith("{" if args[0] == "--record" else begins[args[1]])
    assert "produced 4 = done 4" not in result.stdout.partition("<svg")[0]


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_a_file_that_exists_stays_as_it_is(tmp_path, option):
    file = tmp_path / "mine.svg"
    file.write_text("mine")
    result = run(*PRODCONS, option, str(file)).assert_clean(2, stderr_lines=4)
    assert "exists" in result.stderr
    assert "--force" in result.stderr
    assert result.stdout == "", "nothing has run"
    assert file.read_text() == "mine"
    run(*PRODCONS, option, str(file), "--force").assert_clean(0)
    assert file.read_text() != "mine"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-o", "run.png"], ".html, .svg, .json"),
        (["-o", "run"], ".html, .svg, .json"),
        (["-o", "-.png"], ".html, .svg, .json"),
        (["-o", "no/such/folder/run.html"], "No such file or directory"),
        (["-o", "-", "--json"], "only one"),
        (["-o", "-", "--record", "-"], "only one"),
    ],
)
@both_ways
def test_a_file_that_cannot_be_written_is_an_error_before_the_run(run, args, said):
    result = run(*PRODCONS, *args)
    assert result.status in {1, 2}
    assert said in result.stderr
    assert result.stdout == ""


def test_a_demo_that_fails_is_kept_as_well(tmp_path):
    file = tmp_path / "run.html"
    run("prodcons", "--ack", "early", "--items", "2", "--work", "1", "-q", "-o", str(file)).assert_clean(1)
    assert "summary" in file.read_text("utf-8")


@pytest.mark.parametrize("pace", ["0", "-1", "nan", "x"])
@both_ways
def test_an_impossible_pace(run, tmp_path, pace):
    kept = tmp_path / "run.jsonl"
    kept.write_text("")
    assert run("replay", str(kept), "--pace", pace).assert_clean(2, stderr_lines=4)
