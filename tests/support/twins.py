"""The plain twins of the patterns: scripts that learners take home."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Command
from oracle import Result
from servers import ALL_METHODS, ONE_PROCESS, OURS, Running, Server

import procdemo

FOLDER = Path(procdemo.__file__).parent / "patterns" / "plain"
_RUNNER = Path(__file__).with_name("under_start_method.py")


def start(name: str, start_method: str, *args: str, **options: Any) -> Command:
    """Start the twin of the demo `name` under a start method."""
    script = FOLDER / f"{name.replace('-', '_')}.py"
    # ResourceWarning is for developers: a script may leave what it has open to the end of its process.
    env = {"PYTHONWARNINGS": "error::DeprecationWarning"}
    return Command(
        *args, program=[sys.executable, str(_RUNNER), start_method, str(script)], env=env, **options
    )


def play(name: str, start_method: str) -> Result:
    """Run the twin of a demo to its end, which must be clean; return what it left."""
    with start(name, start_method) as script:
        return script.finish().assert_clean(0, stderr_lines=0)


@dataclass(frozen=True)
class TwinServer(Server):
    """The twin of a server. What it starts can be tested as the demo is."""

    @property
    def tutorial(self) -> bool:
        """Whether its first process is the server, and no command that runs a demo."""
        return True

    @property
    def one_process(self) -> bool:
        """Whether its main process serves all clients."""
        return self.name in {*ONE_PROCESS, "selector-server"}

    @contextlib.contextmanager
    def start(self, *, stop: int = signal.SIGTERM) -> Iterator[Running]:
        """Run it; end it by SIGTERM, or by Ctrl-C as a terminal does. It must leave nothing and be silent."""
        with start(self.name, self.start_method, "0") as command:
            running = Running(command, self, json=False)
            yield running
            if stop == signal.SIGINT:
                command.signal_group(stop)
            else:
                command.signal(stop)
            status = -stop if self.one_process else 0
            command.finish(within=2).assert_clean(status, port=running.port, stderr_lines=0)


def on_twins(names: tuple[str, ...] = OURS) -> pytest.MarkDecorator:
    """Have a test run on the twins of servers, as `server`."""
    return pytest.mark.parametrize("server", list(_params(TwinServer, "twin", names)))


def on_both(names: tuple[str, ...] = OURS) -> pytest.MarkDecorator:
    """Have a test run on the twins, and (``make test-all``) on the servers themselves, as `server`."""
    demos = _params(Server, "demo", names, pytest.mark.thorough)
    return pytest.mark.parametrize("server", [*_params(TwinServer, "twin", names), *demos])


def _params(
    kind: type[Server], word: str, names: tuple[str, ...], *marks: pytest.MarkDecorator
) -> Iterator[Any]:
    for name in names:
        for method in ALL_METHODS:
            yield pytest.param(kind(name, method), id=f"{name}-{word}-{method}", marks=marks)
