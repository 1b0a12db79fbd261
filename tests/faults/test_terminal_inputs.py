"""F1, F2: each input of the security checklist, as data, page, answer, argument, file and recording.

Whatever came before, the next honest line looks normal.
"""

import json

import pytest
from conversations import ask, echo_server, server
from crawls import crawl
from harness import run
from in_process import both_ways
from inputs import ALL, AS_TEXT, LITERAL, LONG, SHORT, as_argument, as_text, assert_shown
from selection import some_of
from servers import on_ours
from web import Web, answer, page, raw

from procdemo.catalog import DEMOS

# --- data


@pytest.mark.parametrize("json", [False, True], ids=["screen", "json"])
@on_ours()
def test_f1_as_what_a_client_says(server, json):
    with server.start("-v", json=json) as running:
        with running.client() as client:
            for said, _ in SHORT.values():
                client.ask(said)
        for said in LONG.values():
            with running.client() as client:
                assert client.exchange(said, within=5) == said.upper()
        running.echo(b"honest")
        running.check_output()
        heard = heard_as_json if json else heard_on_screen
        told = running.command.wait_for(lambda: (said := heard(running.command))[-1:] == ["honest"] and said)
        assert told[: len(SHORT)] == [shown for _, shown in SHORT.values()]
        if not json:
            assert_shown(running.command.stdout)


def heard_as_json(command):
    return [event.data["data"] for event in command.events if event.name == "heard"]


def heard_on_screen(command):
    lines = command.stdout.split("\n")[:-1]
    return [line.partition(" says ")[2] for line in lines if " says " in line]


@pytest.mark.parametrize("options", some_of([[], ["--json"]]), ids=str)
def test_f1_as_what_a_person_says(options):
    with echo_server() as ours:
        said = b"\n".join([*ALL.values(), b"honest", b""])
        piped = ask(ours.port, stdin=said, env={"PROCDEMO_PLAIN": "1"}).assert_clean()
        words = [as_argument(said) for said in ALL.values()]
        spoken = run("echo-client", *options, "--port", ours.port, "--", *words, b"honest").assert_clean()
    assert piped.stdout.count("\n") == len(ALL) + 1
    assert piped.stdout.endswith("\nHONEST\n")
    shown = {text.upper() for text in LITERAL.values()}
    assert shown <= set(piped.stdout.splitlines())
    if options:
        told = [event.data["text"] for event in spoken.named("answer")]
    else:
        told = spoken.stdout.splitlines()
        assert_shown(spoken.stdout, {})
    assert (len(told), told[-1]) == (len(ALL) + 1, "HONEST")
    assert shown <= set(told)


JOINED = b" ".join(said for said, _ in SHORT.values())


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(JOINED, id="joined"),
        *(pytest.param(said, id=name, marks=pytest.mark.thorough) for name, said in ALL.items()),
    ],
)
def test_f1_as_the_answer_of_a_server(said):
    """Bytes that are no answer, and a refusal that quotes the message."""
    for told in (said[:20_000], b"procdemo: " + said[:20_000] + b"\n"):
        with server("answer", told.hex()) as faulty:
            result = run("echo-client", "--wait", "0.5", "--port", faulty.port, "hello").assert_clean(1)
        assert_shown(result.stderr, {})
        assert (
            result.stderr.splitlines()[-1]
            == "FAILED: 0 of 1 messages answered in upper case (ASCII letters), byte for byte"
        )


# --- pages


def hostile_site():
    """Return pages with each input as title, content type, status line, link, and redirect."""
    pages = {}
    for number, said in enumerate(ALL.values()):
        pages[f"/title{number}"] = answer(b"<title>" + said + b"</title>")
        head = b"HTTP/1.1 200 " + said[:1000] + b"\r\nX-Odd: " + said[:1000]
        head += b"\r\nContent-Type: text/html; x=" + said[:1000] + b"\r\nContent-Length: 0\r\n\r\n"
        pages[f"/head{number}"] = raw(head)  # and the end: a CR in a head may hide what comes after it
        head = b"HTTP/1.1 302 Go\r\nLocation: http://" + said[:1000] + b"/\r\nContent-Length: 0\r\n\r\n"
        pages[f"/redirect{number}"] = raw(head)
    links = b"".join(b"<a href='/link?" + said + b"'>" + said + b"</a>\n" for said in ALL.values())
    links += "".join(f"<a href={path}></a>" for path in pages).encode()
    return {
        "/": answer(b"<title>hub</title>" + links + b"<a href=/honest></a>"),
        "/honest": page("honest"),
    } | pages


@pytest.mark.thorough
def test_f1_as_titles_heads_links_and_redirects(tmp_path):
    recording, picture = tmp_path / "run.jsonl", tmp_path / "run.svg"
    with Web(hostile_site()) as web, crawl(web.url, "-v") as command:
        result = command.finish(within=20).assert_clean([0, 1])
    titles = {event.data["url"]: event.data["title"] for event in result.named("page")}
    assert titles[f"{web.url}honest"] == "honest"
    for number, said in enumerate(ALL.values()):
        read = said.replace(b"\0", "\ufffd".encode()).replace(b"\r", b"\n").decode("utf-8", "replace")
        whole = " ".join(read.split())
        title = titles[f"{web.url}title{number}"]  # if it is too long for an event, its middle is cut
        begin, cut, end = title.partition("…")
        assert whole == begin if not cut else whole.startswith(begin) and whole.endswith(end)
        assert f"{web.url}head{number}" in titles
        assert not titles[f"{web.url}redirect{number}"]
    recording.write_text(result.stdout, encoding="utf-8")
    status = result.status
    for view in (["-vv"], ["-q"], ["--color", "always", "-q"], ["--json"]):
        again = run("replay", str(recording), *view)
        assert again.status == status
        if "always" not in view:
            assert_shown(again.assert_clean(status, stderr_lines=200).stdout, {})
    run("replay", str(recording), "-o", str(picture)).assert_clean(status, stderr_lines=200)
    assert_shown(picture.read_text(encoding="utf-8"), {})


@pytest.mark.parametrize("view", some_of([["-vv"], ["--json"], []]), ids=str)
def test_f1_as_the_name_of_a_folder_and_its_files(tmp_path, view):
    folder = tmp_path / name_of_a_file()
    folder.mkdir()
    file = folder / f"{name_of_a_file()}.html"
    file.write_text("<title>honest</title>")
    (folder / "index.html").write_bytes(
        b"<a href='" + bytes(file.name, "utf-8", "surrogateescape") + b"'>x</a>"
    )
    result = run("crawl-callback", "--site", folder, *view).assert_clean([0, 1])
    assert_shown(result.stdout, {})
    assert "PWN" in result.stdout
    summary = result.summary if view == ["--json"] else {}
    assert summary.get("produced", 2) == 2


def name_of_a_file():
    """Return as much of the inputs as a file name can have."""
    return as_text(b"".join(said for said, _ in SHORT.values()).translate(None, b"\0/"))[:90]


# --- arguments

ARGUMENTS = [
    JOINED,
    *LONG.values(),
    SHORT["unterminated"][0],
    SHORT["backslash at the end"][0],
    b"--" + JOINED,
]
PLACES = [
    *([row.name] for row in DEMOS if row.name not in {"echo-client", "crawl-callback", "lab"}),
    ["spawn", "--children"],
    ["spawn", "--start-method"],
    ["spawn", "--kill"],
    ["prodcons", "--chaos"],
    ["race", "--schedule"],
    ["gil", "--color"],
    ["crawl-callback"],
    ["crawl-callback", "--site"],
    ["echo-client", "--wait", "1", "--host"],
    ["lab"],
    ["source"],
    ["replay"],
    ["replay", __file__, "-o"],
    ["completion"],
    [],
    *([row.name, "--host"] for row in DEMOS if row.name.endswith("-server")),
]


@pytest.mark.parametrize(
    "arguments",
    [ARGUMENTS[:1], pytest.param(ARGUMENTS[1:], marks=pytest.mark.thorough)],
    ids=["joined", "others"],
)
@pytest.mark.parametrize("place", some_of(PLACES), ids=" ".join)
@both_ways
def test_f1_as_an_argument(run, place, arguments):
    for said in arguments:
        result = run(*place, as_argument(said), within=10).assert_clean([1, 2], stderr_lines=12)
        assert_shown(result.stderr, {})
        assert len(result.stderr) < 20_000
        assert result.stderr


@pytest.mark.parametrize("said", [JOINED, *LONG.values()], ids=["joined", *LONG])
@both_ways
def test_f1_as_a_variable(run, said):
    for name in ("PROCDEMO_SPAWN_CHILDREN", "PROCDEMO_SPAWN_START_METHOD"):
        result = run("spawn", env={name: as_text(as_argument(said))}).assert_clean(2, stderr_lines=12)
        assert_shown(result.stderr, {})


# --- recordings


@pytest.mark.thorough
def test_f1_as_a_recording(tmp_path):
    """Whoever sends you one: each input in each text of it."""
    recording, picture = tmp_path / "run.jsonl", tmp_path / "run.svg"
    texts = [as_text(said) for said in ALL.values()]
    lines = [line(kind="mark", name="meta", data={"command": "spawn", "config": {}})]
    kinds = ("mark", "begin", "end", "send", "receive", "result")
    lines += [line(kind=kind, name=said, role=said, data={said: said}) for kind in kinds for said in texts]
    keys = ("message", "hint", "text", "host", "port")
    names = ("error", "stderr", "listening", "answer")
    lines += [line(name=name, data=dict.fromkeys(keys, said)) for name in names for said in texts]
    lines += [line(name="honest"), line(kind="result", name="summary", data={"ok": True})]
    recording.write_text("\n".join([*lines, ""]))
    for view in (["-vv"], ["-q"], ["--json"]):
        result = run("replay", str(recording), *view).assert_clean(1, stderr_lines=1000)
        assert_shown(result.stderr, {})
        if "-vv" in view:
            assert_shown(result.stdout, {name: (b"", shown) for name, shown in AS_TEXT.items()})
            assert any(
                told.endswith("child-0         43  (mark honest) ") for told in result.stdout.splitlines()
            )
    run("replay", str(recording), "-o", str(picture), "-vv").assert_clean(1, stderr_lines=1000)
    assert_shown(picture.read_text(encoding="utf-8"), {})


def line(**changes):
    event = {"kind": "mark", "name": "", "data": {}, "time_ns": 5, "pid": 43, "tid": 43, "role": "child-0"}
    return json.dumps(event | changes)
