"""The screen: which lines, how wide, in which colour; and no control character from outside."""

import re

import pytest
from escapes import COLOURED, ESCAPE
from rich.cells import cell_len

from procdemo.demo.events import Event
from procdemo.render.console import Console

STORY = {
    "greet": "says {text} {ms:.1f} times",
    "work.begin": "starts",
    "work.end": "stops",
    "summary": "{n} done",
}
META = {
    "command": "spawn",
    "summary": "A demo.",
    "python": "3.11",
    "start_method": "fork",
    "cpus": 2,
    "observer": 41,
    "config": {"start_method": "fork", "work": 0.5},
    "chosen": {"work": 0.5, "verbose": 1},
}


def event(kind, name, data=None, *, at=0.0, role="child-0"):
    return Event(kind, name, data or {}, 1_000_000_000 + int(at * 1e9), 42, 42, role)


GREET = event("mark", "greet", {"text": "hello", "ms": 2.25}, at=0.5)
SUMMARY = event("result", "summary", {"ok": True, "n": 3}, at=1, role="main")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TTY_COMPATIBLE", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def draw(capsys):
    """Return a function that draws events and returns what appeared on stdout and stderr."""

    def draw(*events, **options):
        console = Console(STORY, **options)
        for each in events:
            console(each)
        console.close()
        return capsys.readouterr()

    return draw


# --- which lines


def test_a_line_has_the_time_the_role_the_pid_and_the_sentence(draw):
    out = draw(event("mark", "meta", META), GREET).out.splitlines()
    assert out[-1] == "  0.500s child-0         42  says hello 2.2 times"


def test_the_header_names_the_demo_and_the_python(draw):
    assert draw(event("mark", "meta", META)).out.splitlines() == ["spawn: A demo."]
    output = draw(event("mark", "meta", META), verbose=True).out
    assert output.splitlines() == [
        "spawn: A demo.",
        "python 3.11, start method fork, 2 usable CPUs",
        "main process 42, watched from outside by 41",
        "with work 0.5",
    ]


def test_a_span_has_a_sentence_for_its_begin_and_one_for_its_end(draw):
    out = draw(event("begin", "work"), event("end", "work")).out
    assert re.findall(r"  (st\w+)", out) == ["starts", "stops"]


def test_an_event_without_a_sentence_is_shown_only_with_everything(draw):
    assert draw(event("mark", "secret", {"a": 1})).out == ""
    assert "(mark secret) a 1" in draw(event("mark", "secret", {"a": 1}), everything=True).out


def test_the_last_line_is_the_verdict(draw):
    assert draw(GREET, SUMMARY).out.splitlines()[-1] == "ok: 3 done"
    failed = event("result", "summary", {"ok": False, "n": 3})
    assert draw(GREET, failed).out.splitlines()[-1] == "FAILED: 3 done"
    reason = event("result", "summary", {"ok": False, "reason": "it was killed"})
    assert draw(GREET, reason).out.splitlines()[-1] == "FAILED: it was killed"
    counted = event("result", "summary", {"ok": False, "n": 3, "reason": "it was killed"})
    assert draw(GREET, counted).out.splitlines()[-2:] == ["n 3", "FAILED: it was killed"]
    answered = event("result", "summary", {"ok": True, "n": 3, "answer": "Three."})
    assert draw(GREET, answered).out.splitlines()[-1] == "ok: Three."
    early = {"ok": False, "n": 3, "reason": "interrupted: 3 of 9 done", "outcome": "interrupted"}
    assert draw(GREET, event("result", "summary", early)).out.splitlines()[-1] == "interrupted: 3 of 9 done"
    unsure = event("result", "summary", {"ok": True, "n": 3, "outcome": "not conclusive"})
    assert draw(GREET, unsure).out.splitlines()[-1] == "not conclusive: 3 done"


def test_results_become_a_table(draw):
    rows = [event("result", "children", {"child": f"c-{n}", "start_ms": n}) for n in (1, 22)]
    output = [line.split() for line in draw(*rows, SUMMARY).out.splitlines()]
    assert ["child", "start", "ms"] in output
    assert ["c-1", "1"] in output
    assert ["c-22", "22"] in output


def test_quiet_shows_only_results_and_where_a_server_listens(draw):
    listening = event("mark", "listening", {"host": "127.0.0.1", "port": 8080})
    row = event("result", "children", {"child": "c-1"})
    output = draw(event("mark", "meta", META), listening, GREET, row, SUMMARY, quiet=True).out
    assert output.splitlines()[0] == "listening 127.0.0.1 8080"
    assert "c-1" in output
    assert output.splitlines()[-1] == "ok: 3 done"
    assert "hello" not in output
    assert "python" not in output


def test_errors_and_the_stderr_of_children_go_to_stderr(draw):
    error = event("mark", "error", {"message": "port taken", "hint": "--port 0"})
    said = draw(error, event("mark", "stderr", {"text": b"oops\xff"}))
    assert said.out == ""
    assert said.err.splitlines() == ["error: port taken", "try: --port 0", r"PID 42 says: oops\xff"]


@pytest.mark.parametrize(
    "data", [{}, {"text": 1, "ms": "x"}, {"ms": None}, {"ms": [1]}, {"ms": 10**400}], ids=repr
)
def test_data_that_do_not_fit_into_the_sentence_are_shown_without_it(draw, data):
    output = draw(event("mark", "greet", data)).out
    assert output.count("\n") == 1
    assert all(key in output for key in data)


# --- text from outside

EVIL = "\x1b]0;PWN\x07\x1b[2J\x9b31m\u202e[/][red]x\r\n\x00\u200b"


def test_untrusted_text_is_made_printable_wherever_it_appears(draw):
    data = {"text": EVIL, "ms": 1.0, "message": EVIL, "hint": EVIL, "host": EVIL, "port": EVIL, EVIL: EVIL}
    events = [event(kind, EVIL, data, role=EVIL) for kind in ("mark", "begin", "send", "result")]
    events += [
        event("mark", name, data, role=EVIL) for name in ("greet", "error", "stderr", "listening", "meta")
    ]
    events.append(event("mark", "meta", {**META, "config": {EVIL: EVIL}}))
    events.append(event("result", "summary", {"ok": EVIL, "reason": EVIL, EVIL: 1}))
    for stream in draw(*events, everything=True):
        assert stream.replace("\n", "").isprintable()
        assert r"\x1b]0;PWN" in stream


def test_markup_of_rich_is_text_like_any_other(draw):
    for text in (
        "[/]",
        "[/foo]",
        "[bold]x[/bold]",
        "[link=file:///etc/passwd]x[/link]",
        ":skull:",
        "\\",
        "[" * 150,
    ):
        assert f"says {text} " in draw(event("mark", "greet", {"text": text, "ms": 1.0})).out


# --- width


@pytest.mark.parametrize("columns", [20, 60, 80])
def test_no_line_is_wider_than_the_screen(draw, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    long = event("mark", "greet", {"text": "中文 hello " * 20, "ms": 1.0})
    row = event("result", "children", {f"column{n}": "中文" * 20 for n in range(3)})
    error = event("mark", "error", {"message": "x " * 100, "hint": "y " * 100})
    for stream in draw(event("mark", "meta", META), long, row, error, SUMMARY):
        assert max(map(cell_len, stream.splitlines())) <= columns


def test_in_a_pipe_a_line_is_as_long_as_it_is(draw):
    output = draw(event("mark", "greet", {"text": "x" * 150, "ms": 1.0})).out
    assert output.count("\n") == 1


# --- colour


@pytest.mark.parametrize(
    ("environment", "option", "coloured"),
    [
        ({}, None, False),
        ({}, True, True),
        ({"FORCE_COLOR": "1"}, None, True),
        ({"FORCE_COLOR": ""}, None, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "x"}, None, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, None, True),
        ({"FORCE_COLOR": "1"}, False, False),
        ({"NO_COLOR": "1"}, True, True),
        ({"CLICOLOR_FORCE": "1"}, None, True),
        ({"CLICOLOR_FORCE": "0"}, None, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, None, False),
        ({"CLICOLOR": "1"}, None, False),
        ({"TTY_COMPATIBLE": "1"}, None, True),
    ],
    ids=repr,
)
def test_colour_in_a_pipe_only_if_it_is_asked_for(draw, monkeypatch, environment, option, coloured):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out = draw(GREET, SUMMARY, colour=option).out
    assert bool(COLOURED.search(out)) is coloured
    assert coloured or "\x1b" not in out


def test_colour_changes_no_word(draw, monkeypatch):
    events = [event("mark", "meta", META), *[GREET] * 200, SUMMARY]
    plain = draw(*events).out
    assert ESCAPE.sub("", draw(*events, colour=True).out) == plain


def test_roles_of_a_family_have_the_same_colour(draw):
    roles = ["worker-0", "worker-1", "client-0"]
    lines = draw(*(GREET._replace(role=role) for role in roles), colour=True).out.splitlines()
    first, second, other = (COLOURED.search(line)[0] for line in lines)
    assert first == second != other


# --- progress


@pytest.mark.parametrize("colour", [None, True])
def test_nothing_moves_in_a_pipe(draw, colour):
    counts = [event("count", "pages", {"value": n, "total": 9}) for n in range(10)]
    assert draw(*counts, colour=colour) == ("", "")


USAGE = {"role": "child-0", "pid": 42, "parent": 1, "cpu_ms": 1.5, "ready_ms": 0.0}
ROWS = [
    event("result", "usage", {**USAGE, "sleeping": 80, "waiting": 20, "computing": 0, "peak_kib": 9000}),
    event("result", "usage", {"role": "child-1", "pid": 43, "parent": 1}),
]


def test_the_table_of_processes_is_shown_with_v_only(draw):
    assert "usage" not in draw(*ROWS, SUMMARY)[0]
    lines = draw(*ROWS, SUMMARY, verbose=True, plain=True)[0].splitlines()
    title, _, heads, _, first, second = lines[lines.index(next(line for line in lines if "usage" in line)) :][
        :6
    ]
    assert title.strip() == "usage"
    assert re.split(" {2,}", heads.strip()) == [
        *("role", "pid", "parent", "cpu ms", "ready ms", "did %", "peak kib"),
    ]
    assert re.split(" {2,}", first.strip()) == [
        *("child-0", "42", "1", "1.5", "0.0", "sleeping 80, waiting 20", "9000"),
    ]
    assert second.split() == ["child-1", "43", "1"]


def test_how_to_check_the_lanes_is_said_with_v_only(draw):
    ps = "ps -o pid,ppid,stat,wchan:20,args -p $(pgrep -d, -g 42)"
    meta = event("mark", "meta", {**META, "sampled": True})
    assert ps in draw(meta, verbose=True)[0]
    assert ps not in draw(meta)[0]
    assert ps not in draw(event("mark", "meta", META), verbose=True)[0], "nothing was looked at"
