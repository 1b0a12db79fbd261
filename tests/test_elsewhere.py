"""A platform without fork(): the command starts, and says what is missing.

The platform is not Windows, but a Python without all that Windows does not have and the package might use.
"""

import subprocess
import sys

import pytest

from procdemo.catalog import BENCHES, DEMOS

WITHOUT_FORK = """
import os, select, signal, sys
sys.modules.update(dict.fromkeys(["fcntl", "resource", "readline", "termios"]))
for module, names in {
    os: ["fork", "register_at_fork", "setpgid", "killpg", "sched_getaffinity", "getppid"],
    select: ["poll", "epoll"],
    signal: ["pthread_sigmask", "SIGHUP", "SIGCHLD", "SIGKILL", "SIGCONT", "SIGALRM", "setitimer"],
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.argv = ["procdemo", *sys.argv[1:]]
from procdemo.__main__ import main
main()
"""


USUAL = {"spawn", "pool-server", "lab", "bench start"}
"""What ``make test`` runs; one function refuses all of them."""


def run(*args):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_FORK, *args], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(demo.name, marks=[] if demo.name in USUAL else pytest.mark.thorough)
        for demo in (*DEMOS, *BENCHES)
        if demo.starts_processes
    ],
)
def test_a_demo_says_what_is_missing(name):
    result = run(*name.split(), *{"lab": ["own-memory"]}.get(name, []))
    assert result.returncode == 3, result.stderr
    assert "os.fork" in result.stderr
    assert f"try: procdemo source {name}" in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--help"], "prodcons"),
        (["list"], "prodcons"),
        (["source", "spawn"], "def greet("),
        (["source", "spawn", "--full"], "def run(config"),
        (["prodcons", "--help"], "--producers"),
        (["lab"], "own-memory"),
    ],
)
def test_a_command_that_starts_no_process_works(args, shown):
    result = run(*args)
    assert result.returncode == 0, result.stderr
    assert shown in result.stdout
