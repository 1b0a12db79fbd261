"""The harness can fail: each check of the oracle is violated here on purpose."""

import os
import signal
import socket
import sys
import time

import pytest
from harness import Command, run
from oracle import can_bind
from processes import tree
from servers import TUTORIAL
from waiting import ended


def script(code, **options):
    return Command(program=[sys.executable, "-c", code], **options)


def verdict(code, **expected):
    """Run `code`; return the message of the check that fails."""
    with script(code) as command:
        result = command.finish(within=10)
    with pytest.raises(AssertionError) as failure:
        result.assert_clean(**expected)
    return str(failure.value)


def test_a_clean_run_is_clean():
    with script("print('done\\tand well')") as command:
        assert command.finish().assert_clean().stdout == "done\tand well\n"


# --- each part of the oracle


def test_o1_a_run_without_end_is_a_hang_and_is_killed_with_its_children():
    code = "import os, signal; print(os.fork(), flush=True); signal.pause()"
    with script(code) as command:
        child = int(command.wait_line(r"^[1-9]\d*$")[0])
        pidfds = [os.pidfd_open(child), os.pidfd_open(command.pid)]
        with pytest.raises(AssertionError, match=r"(?s)HANG.*alive: .*stdout"):
            command.finish(within=0.2)
        assert ended(pidfds, within=0)
        for pidfd in pidfds:
            os.close(pidfd)


def test_o1_the_hard_limit_counts_for_every_wait():
    at = time.monotonic()
    with (
        script("import signal; signal.pause()", limit=0.3) as command,
        pytest.raises(AssertionError, match="HANG"),
    ):
        command.wait_line("never", limit=60)
    assert time.monotonic() - at < 5


def test_o2_another_status():
    assert verdict("raise SystemExit(3)").startswith("O2")
    assert verdict("print()", status=[1, 2]).startswith("O2")


def test_o3_a_survivor_even_in_a_session_of_its_own():
    assert verdict("import os, signal; os.fork() or (os.setsid(), signal.pause())").startswith("O3")


def test_o3_a_straggler_may_take_a_moment():
    code = "import os, select; os.fork() or select.select([], [], [], 0.2)"
    with script(code) as command:
        command.finish().assert_clean()


def test_o4_zombies_are_seen():
    code = "import os, signal; os.fork() or os._exit(0); print('here', flush=True); signal.pause()"
    with script(code) as command:
        command.wait_line("here")
        command.wait_for(lambda: any(not process.alive for process in command.descendants().values()))
        assert len(command.old_zombies(age=0.1)) == 1


@pytest.mark.parametrize(
    "word", ["Traceback (most", "leaked semaphore", "Exception ignored in", "DeprecationWarning"]
)
def test_o5_alarming_words(word):
    assert verdict(f"import sys; sys.stderr.write({word!r})").startswith("O5")


def test_o5_too_many_words():
    assert verdict("import sys; sys.stderr.write('hm\\n' * 4)").startswith("O5")


def test_o6_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not can_bind(port)
        assert verdict("print()", port=port).startswith("O6")
    assert can_bind(port)


def test_o7_something_in_the_temporary_directory():
    assert verdict("import tempfile; tempfile.mkdtemp()").startswith("O7")


def test_o7_something_in_shared_memory():
    name = f"harness-{os.getpid()}"
    try:
        assert verdict(f"open('/dev/shm/{name}', 'w').close()").startswith("O7")
    finally:
        os.unlink(f"/dev/shm/{name}")


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\0", "\x7f", "\x9b", "\u202e", "\u2066"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_o12_characters_that_control_a_terminal(text, stream):
    code = f"import sys; sys.{stream}.buffer.write({text!r}.encode())"
    assert verdict(code).startswith("O12")


# --- waiting


def test_waiting_ends_when_the_command_ends():
    at = time.monotonic()
    with script("print('something else')") as command, pytest.raises(AssertionError, match="ended before"):
        command.wait_line("never", limit=60)
    assert time.monotonic() - at < 5


def test_a_line_that_is_no_event_is_an_error():
    with pytest.raises(ValueError, match="Expecting value"):
        _ = run("--version", "--json").events


def test_the_tree_has_children_in_other_sessions_and_orphans():
    code = (
        "import os, signal; os.fork() or (os.setsid(), os.fork(), print('here', flush=True), signal.pause())"
    )
    with script(code + "; signal.pause()") as command:
        command.wait_for(lambda: command.stdout.count("here") == 2)
        assert len(command.descendants()) == 2
        command.signal(signal.SIGKILL)
        command.wait_for(lambda: not command.running)
        orphans = [process for process in tree(os.getpid()).values() if process.alive]
        assert len(orphans) == 2, "orphans become children of this process"


# --- the tutorial server serves a friendly client: so it means something that it fails our fault tests


@pytest.mark.parametrize("variant", ["process", "pool", "prefork"])
def test_the_tutorial_server_serves_a_friendly_client(variant):
    with Command(variant, program=TUTORIAL) as server:
        port = int(server.wait_line(r"^listening 127\.0\.0\.1 (\d+)$")[1])
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
        server.wait_for(lambda: server.stdout.count("hello") == 3)


def test_the_tutorial_server_fails_what_ours_must_pass():
    with Command("prefork", program=TUTORIAL) as server:
        port = int(server.wait_line(r"^listening \S+ (\d+)$")[1])
        server.wait_for(lambda: len(server.descendants()) == 2)
        server.signal(signal.SIGTERM)
        result = server.finish(within=2)
        with pytest.raises(AssertionError, match="O2"):
            result.assert_clean(status=0)
        with pytest.raises(AssertionError, match="O3"):
            result.assert_clean(status=-signal.SIGTERM)
        assert not can_bind(port)
