"""The harness can fail: each check of the oracle is violated here on purpose."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import oracle
import pytest
import shared_memory
import time_limit
from harness import Command, run
from oracle import can_bind, is_free
from processes import listeners, tree
from selection import some_of
from servers import TUTORIAL
from time_limit import TimeLimit, slowness
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
    with (
        script("import signal; signal.pause()", limit=0.3) as command,
        pytest.raises(AssertionError, match=r"HANG: .* within 0\.3 s"),
    ):
        command.wait_line("never", limit=60)


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


def test_o6_a_port_whose_listener_is_in_no_process():
    """On its way from one process to another, as where a queue holds it."""
    left, right = socket.socketpair()
    with left, right:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            socket.send_fds(left, [b"x"], [listener.fileno()])
        assert listeners(port) == {0}
        assert not is_free(port)


def test_o6_a_port_that_a_neighbour_has_taken_since_is_not_blamed(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listeners(port) == {os.getpid()}
        monkeypatch.setattr(oracle, "ours", set)  # as if this process were not one of ours
        assert is_free(port)


def test_o7_something_in_the_temporary_directory():
    assert verdict("import tempfile; tempfile.mkdtemp()").startswith("O7")


@pytest.fixture(params=["private", "shared"])
def dev_shm(request, monkeypatch):
    """Each way to tell whose a name in /dev/shm is; returns what begins the command line of a neighbour."""
    if request.param == "private":
        if not shared_memory.is_private():
            pytest.skip("no /dev/shm of our own permitted here")
        return shared_memory.outside()
    monkeypatch.setattr(shared_memory, "is_private", lambda: False)
    return []


SEMAPHORE = """
from multiprocessing import get_context, resource_tracker
lock = get_context("spawn").Lock()
resource_tracker.unregister(lock._semlock.name, "semaphore")
name = "sem." + lock._semlock.name[1:]
"""
MEMORY = """
from multiprocessing import resource_tracker, shared_memory
memory = shared_memory.SharedMemory(create=True, size=4096)
resource_tracker.unregister(memory._name, "shared_memory")
name = memory.name
"""
FILE = """
name = f"harness-{os.getpid()}"
file = open("/dev/shm/" + name, "w")
"""


@pytest.mark.parametrize("make", some_of([SEMAPHORE, MEMORY, FILE]), ids=["semaphore", "memory", "file"])
def test_o7_something_in_shared_memory(make, dev_shm):
    leave = "print(name, flush=True); os.read(0, 1); os._exit(0)"
    with script(f"import os\n{make}\n{leave}", stdin=subprocess.PIPE) as command:
        name = command.wait_line(r".+")[0]
        command.stdin.write(b"x")
        try:
            with pytest.raises(AssertionError, match=f"(?s)^O7: left in /dev/shm: .*{re.escape(name)}"):
                command.finish().assert_clean()
        finally:
            os.unlink(f"/dev/shm/{name}")


def test_o7_in_a_dev_shm_of_our_own_also_a_name_that_was_there_for_an_instant_only():
    if not shared_memory.is_private():
        pytest.skip("no /dev/shm of our own permitted here")
    name = f"harness-{os.getpid()}"
    try:
        assert verdict(f"open('/dev/shm/{name}', 'w').close()").startswith("O7")
    finally:
        os.unlink(f"/dev/shm/{name}")


NEIGHBOUR = f"""
import os
{FILE}
open("/dev/shm/stays-" + name, "w").close()
print("made", flush=True)
os.read(0, 1)
for each in (name, "stays-" + name):
    os.unlink("/dev/shm/" + each)
"""


def test_o7_names_of_a_neighbour_are_not_blamed_also_if_they_stay(dev_shm):
    """Nor are those that come and go while the command runs."""
    with script("import os; print('here', flush=True); os.read(0, 1)", stdin=subprocess.PIPE) as command:
        command.wait_line("here")
        neighbours = [
            subprocess.Popen(
                [*dev_shm, sys.executable, "-c", NEIGHBOUR], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(2)
        ]
        for neighbour in neighbours:
            assert neighbour.stdout.readline() == b"made\n"
        neighbours[0].communicate(b"x")
        command.pause(0.1)
        command.stdin.write(b"x")
        command.finish().assert_clean()
        neighbours[1].communicate(b"x")


@pytest.mark.parametrize("text", ["\x1b[2J", "\r", "\0", "\x7f", "\x9b", "\u202e", "\u2066"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_o12_characters_that_control_a_terminal(text, stream):
    code = f"import sys; sys.{stream}.buffer.write({text!r}.encode())"
    assert verdict(code).startswith("O12")


# --- waiting


def test_a_limit_is_stretched_by_the_slowness_of_the_machine(monkeypatch):
    monkeypatch.setattr(time_limit, "slowness", lambda: 3.0)
    begin, limit = time.monotonic(), TimeLimit(0.1)
    while not limit.passed:
        pass
    assert time.monotonic() - begin >= 0.3
    assert str(limit) == "0.1 s, stretched to 0.3 s: 3.0 times slow"


def test_a_pause_of_the_machine_does_not_count(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time_limit, "slowness", lambda: 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(time_limit.time, "monotonic", lambda: now[0])
        limit, passed = TimeLimit(1.1), []
        for seconds in (0.1, 0.5, 7.0, 0.2, 0.2, 0.2):
            now[0] += seconds
            passed.append(limit.passed)
    assert passed == [False, False, False, False, False, True]  # of the gaps, a quarter of a second counts


def test_slowness_is_what_other_programs_cost():
    """Two that never pause, on one CPU: each has half of it."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    rival = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    )
    try:
        rival.stdout.readline()
        assert slowness() > 1.5
    finally:
        os.sched_setaffinity(0, usable)
        rival.kill()
        rival.communicate()


def test_waiting_ends_when_the_command_ends():
    with script("print('something else')") as command, pytest.raises(AssertionError, match="ended before"):
        command.wait_line("never", limit=60)


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
