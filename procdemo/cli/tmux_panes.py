"""``pool-server --tmux``: the server, three clients and ``ps`` in five panes of one terminal (tmux(1))."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_codes import DONE, MISSING

_LISTENING = re.compile(r"^listening \S+ (\d+)", re.MULTILINE)
_CONNECTED = re.compile("is connected|error")
_VARIABLE = "PROCDEMO_POOL_SERVER_TMUX"
_CLIENTS = 3
_STATUS = " Ctrl-B, arrow: another pane   Ctrl-B, d: the end "
_PS = "ps -o pid,ppid,stat,wchan:16"
_START_S = 60.0  # for the server to listen, the first client to connect; later the panes show what is wrong
_LEAST_ROWS, _LEAST_COLUMNS = 18, 60


def prepare(config: Any, _view: ViewOptions) -> Any:
    """Return the settings for a run in this terminal; with ``--tmux`` there is none, and the panes are shown.

    Raises:
        click.UsageError: this is no terminal, it is too small, or the clients are scripted.
        SystemExit: the panes were closed (0), or there is no tmux (3): then the lines to copy were shown.
    """
    if not config.tmux:
        return config
    if config.clients:
        raise click.UsageError("--tmux has three clients of its own: leave --clients out.")
    server = [word for word in sys.argv[1:] if word != "--tmux"]
    if not shutil.which("tmux"):
        click.echo("\n".join(_lines_to_copy(server, config.port or 8080)), err=True)
        sys.exit(MISSING)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("--tmux needs a terminal.")
    columns, rows = os.get_terminal_size()
    if rows < _LEAST_ROWS or columns < _LEAST_COLUMNS:
        raise click.UsageError(f"--tmux needs {_LEAST_COLUMNS} columns and {_LEAST_ROWS} lines.")
    sys.exit(_Panes(columns, rows).show(server))


def _lines_to_copy(server: list[str], port: int) -> list[str]:
    """Return what to do where tmux is not installed: an error, and a line for each terminal."""
    words = shlex.join([*server, *([] if "--port" in server or "-p" in server else ["--port", str(port)])])
    client = f"  procdemo echo-client --port {port}"
    return [
        "error: tmux is not installed",
        "try: install tmux, or type each line in a terminal of its own:",
        f"  procdemo {words}",
        *[client] * _CLIENTS,
        f'  {_PS},args -p $(pgrep -d, -f "pool-server")',
    ]


class _Panes:
    """A window of tmux: the server above, the clients side by side, ``ps`` below."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._rows = columns, rows
        self._within = bool(os.environ.get("TMUX"))
        own = [] if self._within else ["-L", f"procdemo-{os.getpid()}"]
        self._tmux = ["tmux", *own]

    def show(self, server: list[str]) -> int:
        """Open the panes, and wait until they are closed; within tmux they are a new window. Return 0."""
        size = [] if self._within else ["-x", str(self._columns), "-y", str(self._rows)]
        new = ["new-window"] if self._within else ["new-session", "-d", *size]
        top = self._ask(*new, "-P", "-F", "#{pane_id}", _staying(_procdemo(server)))
        try:
            self._split(top, self._port(top))
            if not self._within:
                for name, value in (("mouse", "on"), ("status-left-length", "60"), ("status-left", _STATUS)):
                    self._ask("set-option", "-g", name, value)
                self._ask("set-option", "-g", "status-right", "")
                subprocess.run([*self._tmux, "attach-session"], check=False)
        finally:
            if not self._within:  # the processes get a SIGHUP, and end
                subprocess.run([*self._tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)
        return DONE

    def _split(self, top: str, port: int) -> None:
        """Make the panes of the clients and of ``ps``; the first client has the keyboard."""
        tty = self._ask("display-message", "-p", "-t", top, "#{pane_tty}")
        client = _staying(_procdemo(["echo-client", "--port", str(port)]))
        below = self._pane(top, "-v", self._rows // 2, client)
        self._wait_for(_CONNECTED, below)  # so that it is not the one that no worker is free for
        ps = f"while :; do clear; {_PS},comm -t {tty.removeprefix('/dev/')}; sleep 1; done"
        self._pane(below, "-v", self._rows // 4 + 1, ps)
        width, last = self._columns // _CLIENTS, below
        for number in range(1, _CLIENTS):
            last = self._pane(last, "-h", self._columns - number * width - 1, client)
        self._ask("select-pane", "-t", below)

    def _port(self, pane: str) -> int:
        """Wait until the server in `pane` says that it listens; return its port, 8080 if it does not."""
        found = self._wait_for(_LISTENING, pane)
        return int(found[1]) if found else 8080

    def _wait_for(self, said: re.Pattern[str], pane: str) -> re.Match[str] | None:
        """Wait until something is said in `pane`; return it, or None if that takes too long."""
        give_up = time.monotonic() + _START_S
        while time.monotonic() < give_up:
            if found := said.search(self._ask("capture-pane", "-p", "-t", pane)):
                return found
            time.sleep(0.1)  # noqa: TID251 - tmux has no event for what a pane shows
        return None

    def _pane(self, beside: str, how: str, size: int, command: str) -> str:
        """Take `size` lines or columns from a pane for a new one; return its ID."""
        return self._ask(
            "split-window", how, "-l", str(size), "-t", beside, "-P", "-F", "#{pane_id}", command
        )

    def _ask(self, *words: str) -> str:
        """Return what tmux answers to a command; empty if it has refused it."""
        done = subprocess.run([*self._tmux, *words], check=False, capture_output=True, text=True)
        return done.stdout.strip()


def _procdemo(words: list[str]) -> str:
    """Return the command line that runs this very procdemo with `words`."""
    program = Path(sys.argv[0])
    own = [str(program.resolve())] if program.name == "procdemo" else [sys.executable, "-m", "procdemo"]
    without = ["env", "-u", _VARIABLE] if _VARIABLE in os.environ else []
    return shlex.join([*without, *own, *words])


def _staying(command: str) -> str:
    """Return a command line after which a shell stays, so that its output can be read."""
    return f"{command}; exec {shlex.quote(os.environ.get('SHELL', 'sh'))}"
