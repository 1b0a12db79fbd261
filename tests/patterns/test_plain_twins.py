"""The plain twins of the demos that are no servers: short, plain, and the same lesson as the demo."""

import ast
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict

import pytest
from conversations import no_server
from harness import Command, run
from twins import FOLDER, play, start

from procdemo.catalog import DEMOS

TWINS = sorted(FOLDER.glob("*.py"))
each_twin = pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)


# --- every twin is a script to take home


def test_each_pattern_has_a_twin_and_there_is_no_other():
    assert {path.name for path in TWINS} == {demo.twin for demo in DEMOS if demo.twin}
    assert {path.name for path in FOLDER.iterdir()} - {"__pycache__"} == {path.name for path in TWINS}


@each_twin
def test_a_twin_is_short_and_plain(path):
    source = path.read_bytes()
    assert source.isascii()
    lines = source.decode().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert re.fullmatch(r'"""[A-Z].+[.?]"""', lines[0])


@each_twin
def test_a_twin_needs_the_standard_library_only_and_chooses_no_start_method(path):
    tree = ast.parse(path.read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    modules = {alias.name for node in imports for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names
    assert not re.search(r"start_method|get_context", path.read_text("utf-8"))


@each_twin
def test_a_twin_does_nothing_when_it_is_imported(path):
    """Under spawn and forkserver each child imports it."""
    _, *body, last = ast.parse(path.read_text("utf-8")).body
    assert ast.unparse(last).startswith("if __name__ == '__main__':")
    harmless = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert all(isinstance(node, harmless) for node in body)


# --- the same lesson: what is found in the twin's output and in the demo's events is equal


def numbers(pattern, text):
    return [int(number) for number in re.findall(pattern, text)]


def test_spawn_makes_a_process_by_start_and_none_by_run(start_method):
    twin = play("spawn", start_method).stdout
    (main,) = numbers(r"^main: PID (\d+)", twin)
    by_hand, *_ = by_pid = numbers(r"(?m)^(?:function|subclass): PID (\d+)", twin)
    started = numbers(r"PID (\d+), exitcode None", twin)
    assert by_hand == main
    assert sorted(by_pid[1:]) == sorted(started)
    lesson = [len({main, *started}), re.findall(r"ended, exitcode (.+)", twin), "can only join a" in twin]

    demo = run("spawn", "--json", "--work", "0", "-n", "1", start_method=start_method).assert_clean()
    children = {event.pid for event in demo.named("hello") if event.role != "main"}
    exitcodes = [str(event.data["exitcode"]) for event in demo.named("exited")]
    refused = all("can only join a" in event.data["error"] for event in demo.named("not joinable"))
    assert {event.pid for event in demo.named("hello") if event.role == "main"} == {demo.events[0].pid}
    assert lesson == [len({demo.events[0].pid, *children}), exitcodes, refused] == [3, ["0", "0"], True]


def test_prodcons_eats_every_bun_once_and_ends(start_method):
    twin = play("prodcons", start_method).stdout
    made, eaten = (numbers(rf"has {what} bun (\d+)", twin) for what in ("made", "eaten"))
    assert twin.splitlines()[-1] == "expected 10, got 10"

    demo = run("prodcons", "--json", "--items", "10", "--work", "0", start_method=start_method).assert_clean()
    put = [int(event.data["id"]) for event in demo.named("bun") if event.kind == "send"]
    done = [int(event.data["id"]) for event in demo.named("eats") if event.kind == "end"]
    for buns in (made, eaten, put, done):
        assert sorted(buns) == list(range(10))


def test_crawl_callback_parses_in_one_thread_of_main(start_method):
    with start("crawl-callback", start_method) as script:
        twin, main = script.finish().assert_clean(stderr_lines=0).stdout, script.pid
    rows = re.findall(r"^(\S+): PID (\d+), callback PID (\d+), (Thread-\d+)", twin, re.MULTILINE)
    assert sorted(url for url, *_ in rows) == ["/", "/a", "/b", "/c"]
    of_twin = [(main, int(worker), int(pid), thread) for _, worker, pid, thread in rows]

    demo = run("crawl-callback", "--json", "--max-pages", "5", "-n", "2", start_method=start_method)
    of_demo = [
        (demo.events[0].pid, event.data["worker_pid"], event.pid, event.data["thread"])
        for event in demo.assert_clean().named("parsed")
    ]
    for lesson in (of_twin, of_demo):
        assert all(pid == main != worker for main, worker, pid, _ in lesson)
        assert len({thread for *_, thread in lesson}) == 1
        assert lesson[0][3] != "MainThread"


def test_race_loses_an_update_if_both_read_first(start_method):
    outcomes = re.findall(r"order (\w+): expected 2, got (\d)", play("race", start_method).stdout)
    assert outcomes == [("AAABBB", "2"), ("ABABAB", "1")]

    demo = run("race", "--json", "--all", start_method=start_method).assert_clean()
    assert set(outcomes) < {(row.data["order"], str(row.data["counter"])) for row in demo.named("orders")}


def test_supervise_loses_no_item_with_its_worker(start_method):
    twin = play("supervise", start_method).stdout
    (died,) = numbers(r"PID (\d+) died with item 3\b", twin)
    done = {int(item): int(pid) for pid, item in re.findall(r"PID (\d+) has done item (\d+)", twin)}
    assert sorted(done) == list(range(10))
    assert done[3] != died
    assert twin.splitlines()[-1] == "expected 10, got 10"

    args = ("--items", "10", "--work", "0.3", "--workers", "2")
    with Command("supervise", "--json", *args, start_method=start_method) as demo:
        working = demo.wait_event(lambda event: (event.kind, event.name) == ("begin", "works"), limit=20)
        os.kill(working.pid, signal.SIGKILL)
        summary = demo.finish().assert_clean().summary
    assert (summary["done"], summary["deaths"]) == (10, 1)


def test_gil_has_two_threads_in_one_process_and_two_processes(start_method):
    with start("gil", start_method) as script:
        twin, main = script.finish().assert_clean(stderr_lines=0).stdout, script.pid
    ways = re.split(r"^\w+ \w+:$", twin, flags=re.MULTILINE)[1:]
    workers = [re.findall(r"thread (\d+) of PID (\d+)", way) for way in ways]
    of_twin = [(len(set(rows)), {int(pid) for _, pid in rows} == {main}) for rows in workers]
    assert all(re.search(r"\d s$", way) for way in ways)

    demo = run("gil", "--json", "--seconds", "0.05", "--workers", "2", "-v", start_method=start_method)
    main, of_way = demo.assert_clean().events[0].pid, defaultdict(set)
    for event in demo.named("work"):
        of_way[event.data["where"].partition(" of ")[2]].add((event.tid, event.pid))
    of_way.pop("2 interpreters", None)  # where Python has them: the twin is for every Python
    of_demo = [(len(rows), {pid for _, pid in rows} == {main}) for rows in of_way.values()]
    assert of_twin == of_demo == [(1, True), (2, True), (2, False)]


def answers_in_pieces(listener):
    """Be a server of one client: each byte of an answer is a piece of its own."""
    conn, _ = listener.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with conn:
        while data := conn.recv(1024):
            for byte in data.upper():
                conn.sendall(bytes([byte]))


def client(kind, port, **options):
    """Start an echo client: the demo or its twin."""
    if kind == "twin":
        return start("echo-client", "fork", str(port), stdin=subprocess.PIPE, **options)
    return Command("echo-client", "--port", str(port), stdin=subprocess.PIPE, **options)


@pytest.mark.parametrize("kind", ["twin", "demo"])
def test_echo_client_reads_until_it_has_the_whole_answer(kind):
    text = b"hello\n" + b"x" * 5000 + b"\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answers_in_pieces, args=(listener,))
        server.start()
        with client(kind, listener.getsockname()[1]) as command:
            command.stdin.write(text)
            command.stdin.close()
            result = command.finish().assert_clean()
        server.join()
    assert "HELLO\n" in result.stdout
    if kind == "twin":
        assert "\n" + "X" * 5000 + "\n" in result.stdout
        assert "the server has said goodbye" in result.stdout
    else:
        assert "2 of 2 messages answered" in result.stderr


@pytest.mark.parametrize("kind", ["twin", "demo"])
def test_echo_client_names_a_server_that_is_not_there_or_goes(kind):
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        client(kind, listener.getsockname()[1]) as command,
    ):
        conn, _ = listener.accept()
        command.stdin.write(b"hello\n")
        conn.recv(1024)
        conn.close()
        command.finish().assert_clean(1)
    with no_server() as (_, port), client(kind, port) as command:
        command.finish().assert_clean(1)
