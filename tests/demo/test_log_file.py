"""Logs from elsewhere: in other encodings, two in a file, compressed; and files that are no logs."""

import gzip
import io
import itertools
import json
import shlex
import subprocess

import pytest
from harness import PROCDEMO, run
from hypothesis import given
from hypothesis import strategies as st
from in_process import run_here

from procdemo.demo.event_log import DamagedLogError, read
from procdemo.demo.events import Event
from procdemo.demo.log_file import lines_of

META = Event("mark", "meta", {"schema": 1, "command": "spawn", "config": {}}, 1, 42, 42, "main")
TICK = Event(
    "mark", "tick", {"text": "caf\u00e9 \u4f60\u597d \U0001f600 \u0a0a", "n": 1}, 5, 43, 43, "child-0"
)
SUMMARY = Event("result", "summary", {"ok": True}, 9, 42, 42, "main")


def text_of(*events):
    return "".join(json.dumps(event._asdict(), ensure_ascii=False) + "\n" for event in events)


LOG = text_of(META, TICK, SUMMARY)
MARK = "\ufeff"
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def read_bytes(data):
    return list(read(io.BytesIO(data)))


def refusal_of(data):
    with pytest.raises(DamagedLogError) as refused:
        read_bytes(data)
    return refused.value


# --- encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mark", ["", MARK], ids=["no mark", "mark"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n \n"], ids=["end", "empty line", "blank lines"])
def test_any_unicode_is_read(encoding, mark, newline, end):
    text = (mark + LOG).replace("\n", newline) + end
    assert read_bytes(text.encode(encoding)) == [META, TICK, SUMMARY]


@given(st.lists(st.text(st.characters(exclude_characters="\n\ufeff", exclude_categories=["Cs"]))))
def test_lines_are_those_of_the_text_in_each_encoding(lines):
    lines = ["{", *lines, "end"]
    for name in ENCODINGS:
        data = (MARK + "\n".join(lines)).encode(name)
        assert list(lines_of(io.BytesIO(data))) == lines


def test_a_line_is_there_as_soon_as_it_has_come():
    """A log can come through a pipe while the run goes on."""
    pieces = iter([LOG.encode().splitlines(keepends=True)[0]])

    class Pipe(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            data = next(pieces)  # StopIteration: asked for more than has come
            buffer[: len(data)] = data
            return len(data)

    assert next(read(io.BufferedReader(Pipe()))) == META


@pytest.mark.parametrize("data", [b"\xff\n", b"\xe4\xf6\n", "caf\u00e9\n".encode("latin-1")], ids=repr)
def test_what_is_no_text_is_named_by_line(data):
    refused = refusal_of(text_of(META, TICK).encode() + data)
    assert str(refused) == "line 3: not JSON (not UTF-8)"


def test_half_a_character_at_the_end_is_no_error_of_its_own():
    """As `head -n` cuts UTF-16: after the first byte of the newline."""
    data = (MARK + LOG).encode("utf-16-le")
    assert read_bytes(data[:-1]) == [META, TICK, SUMMARY]
    assert "breaks off" in str(refusal_of((MARK + text_of(META)).encode("utf-16-le")[:-1]))


# --- two logs


@pytest.mark.parametrize("between", ["", "\n", MARK, "\r\n" + MARK], ids=repr)
def test_a_second_log_is_refused_by_its_line(between):
    refused = refusal_of((LOG + between + LOG).encode())
    number = 4 + between.count("\n")
    assert str(refused) == f"line {number}: a second log begins here"
    assert f"head -n {number - 1} {{file}}" in refused.hint
    assert f"tail -n +{number} {{file}}" in refused.hint


def test_a_second_log_after_one_that_breaks_off():
    assert str(refusal_of((text_of(META, TICK) + LOG).encode())) == "line 3: a second log begins here"


def test_an_event_after_the_summary_is_refused_and_the_summary_not_shown():
    events = read(io.BytesIO(text_of(META, SUMMARY, TICK).encode()))
    assert next(events) == META
    with pytest.raises(DamagedLogError, match="line 3: an event after the summary"):
        next(events)


# --- what is no log

TRACE = {"displayTimeUnit": "ms", "otherData": {"x": "y" * 5_000}, "traceEvents": [{"ph": "X", "ts": 1}]}
FOREIGN = {
    "a trace": (json.dumps(TRACE), "a trace for Perfetto"),
    "a trace, indented": (json.dumps(TRACE, indent=2), "a trace for Perfetto"),
    "a trace, UTF-16": (MARK + json.dumps(TRACE, indent=2), "a trace for Perfetto"),
    "a trace as a list": (json.dumps(TRACE["traceEvents"]), "a trace for Perfetto"),
    "a trace as a list, indented": (json.dumps(TRACE["traceEvents"], indent=1), "a trace for Perfetto"),
    "a page": ("<!DOCTYPE html>\n<html><svg></svg></html>", "a page (HTML)"),
    "a page without a doctype": ("\n <HTML lang=en>", "a page (HTML)"),
    "a picture": ('<svg xmlns="http://www.w3.org/2000/svg">', "an SVG picture"),
    "a picture with a prologue": ('<?xml version="1.0"?>\n<!-- made -->\n<svg>', "an SVG picture"),
    "another file": ("<?xml version='1.0'?>\n<plist>", "XML"),
}


@pytest.mark.parametrize(("content", "what"), FOREIGN.values(), ids=FOREIGN)
def test_another_file_is_called_what_it_is(content, what):
    refused = refusal_of(content.lstrip("\n").encode("utf-16-le" if content[0] == MARK else "utf-8"))
    assert str(refused) == f"line 1: this is {what}, not a log"
    assert "--record" in refused.hint


@pytest.mark.parametrize(("form", "way"), [([], "."), ([0], "'.[]'")], ids=["events", "a list"])
def test_a_log_that_jq_has_spread_over_lines(form, way):
    events = [event._asdict() for event in (META, SUMMARY)]
    text = json.dumps(events, indent=2) if form else "\n".join(json.dumps(each, indent=2) for each in events)
    refused = refusal_of(text.encode())
    assert str(refused) == "line 1: JSON, but not one event a line"
    assert refused.hint == f"jq -c {way} {{file}} | procdemo replay -"


PACKED = {"gzip": gzip.compress(LOG.encode()), "bzip2": b"BZh91AY", "xz": b"\xfd7zXZ\0", "zip": b"PK\x03\x04"}


@pytest.mark.parametrize(("name", "data"), [*PACKED.items(), ("zstd", b"\x28\xb5\x2f\xfd\x04")])
def test_a_compressed_file_is_named_with_what_unpacks_it(name, data):
    refused = refusal_of(data)
    assert str(refused) == f"line 1: compressed by {name}"
    assert refused.hint.endswith("{file} | procdemo replay -")


@pytest.mark.thorough
def test_a_pipe_without_end_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:2] = b"[\n"
            return 2

    with pytest.raises(DamagedLogError):
        next(read(io.BufferedReader(Endless())))


def test_nothing():
    assert str(refusal_of(b"")).endswith("the file is empty")


# --- the command


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return the files that one run was written into, by the ends of their names."""
    folder = tmp_path_factory.mktemp("a run")
    ends = ("html", "svg", "json")
    options = itertools.chain(*(("-o", str(folder / f"run.{end}")) for end in ends))
    log = folder / "run.jsonl"
    run("spawn", "--children", "1", "--work", "0", "-q", "--record", str(log), *options).assert_clean()
    return {end: folder / f"run.{end}" for end in (*ends, "jsonl")}


@pytest.mark.parametrize(
    ("end", "what"),
    [("html", "a page (HTML)"), ("svg", "an SVG picture"), ("json", "a trace for Perfetto")],
)
def test_our_own_outputs_are_called_what_they_are(outputs, end, what):
    result = run_here("replay", str(outputs[end])).assert_clean(status=1, stderr_lines=2)
    assert result.stdout == ""
    assert f"this is {what}, not a log\ntry: the file of --record" in result.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_powershell_writes_is_replayed(outputs, encoding, tmp_path):
    log = tmp_path / "run.jsonl"
    log.write_text(outputs["jsonl"].read_text(), encoding=encoding, newline="\r\n")
    result = run_here("replay", "--json", str(log)).assert_clean()
    assert result.stdout == outputs["jsonl"].read_text()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_hint_for_two_logs_can_be_typed(outputs, encoding, tmp_path):
    log = tmp_path / "two runs.jsonl"
    log.write_text(outputs["jsonl"].read_text() * 2, encoding=encoding)
    result = run_here("replay", str(log)).assert_clean(status=1, stderr_lines=2)
    assert "ok: " not in result.stdout
    hint = result.stderr.rpartition("try: ")[2]
    for line in hint.replace("procdemo", shlex.join(PROCDEMO)).split(", and "):
        typed = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert "\n2 of 2 children joined" in typed.stdout, typed


def test_a_folder_is_a_usage_error(tmp_path):
    result = run_here("replay", str(tmp_path)).assert_clean(status=2, stderr_lines=4)
    assert "Is a directory" in result.stderr


def test_a_log_on_stdin_has_no_name_to_be_typed(outputs):
    text = outputs["jsonl"].read_bytes() * 2
    told = subprocess.run([*PROCDEMO, "replay", "-"], input=text, capture_output=True, check=False).stderr
    assert b" FILE | procdemo replay -" in told
