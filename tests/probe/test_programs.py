"""What a process is, and which socket is connected to which."""

import os
import socket
import subprocess
import sys

import pytest

from procdemo.probe import connections, programs


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("python bank.py --password secret", "bank.py"),
        ("python3 -u -X dev -W error /srv/app/bank.py", "bank.py"),
        ("python -m pytest -x", "-m pytest"),
        ("python -Im http.server", "-m http.server"),
        ("python -c print('secret')", "-c"),
        ("python -Ic print('secret')", "-c"),
        ("python -", "-"),
        ("python", ""),
    ],
)
def test_only_the_name_of_a_script_is_told(line, name):
    assert programs.script(line.split()) == name


def test_this_process():
    assert programs.is_python(os.getpid())
    assert programs.program(os.getpid()).kind == programs.PYTHON
    assert os.getpid() not in {tree.pid for tree in programs.trees()}, "it is the one that looks"


def test_a_helper_and_another_program():
    code = "from multiprocessing.resource_tracker import main; print(1, flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        assert programs.program(process.pid) == (programs.HELPER, "resource tracker", False)
        process.communicate(b"\n")
    with subprocess.Popen(["cat"], **pipes) as process:
        process.stdin.write(b"1\n")
        process.stdin.flush()
        process.stdout.readline()
        assert programs.program(process.pid) == (programs.OTHER, "cat", False)
        process.stdin.close()


def name_of(one):
    return os.readlink(f"/proc/self/fd/{one.fileno()}")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_ends_of_a_connection(family):
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    client = socket.create_connection(listener.getsockname()[:2])
    server, _ = listener.accept()
    with listener, client, server:
        found = connections.sockets(os.getpid())
        port = listener.getsockname()[1]
        here = f"127.0.0.1:{port}" if family == socket.AF_INET else f"[::1]:{port}"
        assert found[name_of(listener)].listens
        assert (
            found[name_of(listener)].here
            == found[name_of(client)].there
            == found[name_of(server)].here
            == here
        )
        assert found[name_of(client)].peer == name_of(server)
        assert found[name_of(server)].peer == name_of(client)


def test_the_ends_of_a_pair(tmp_path):
    one, other = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    with one, other, listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        found = connections.sockets(os.getpid())
        if name_of(one) not in found:
            pytest.skip("the kernel has no unix_diag")
        assert found[name_of(one)].peer == name_of(other)
        assert found[name_of(other)].peer == name_of(one)
        assert (found[name_of(listener)].listens, found[name_of(listener)].here) == (
            True,
            str(tmp_path / "socket"),
        )
