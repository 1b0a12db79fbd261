"""A server demo in a process of its own, to be measured."""

import contextlib
import importlib
import socket
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self

from procdemo.demo.events import LISTENING, Emitter, Record
from procdemo.demo.settings import CannotRunError
from procdemo.demo.text import reason_of
from procdemo.process.usage import tree_own_kib, tree_sleeps
from procdemo.servers.settings import ServerSettings

_START_S, _STOP_S = 20.0, 5.0
_ANSWER_S = 0.15
_ASLEEP = 2  # so often the server must be seen asleep, with a client unanswered: then that client waits


class Announcer:
    """What the emitter of a measured server writes to: passes on the port, drops everything else."""

    def __init__(self, pipe: Connection) -> None:
        """Send the port to `pipe`."""
        self._pipe = pipe

    def __call__(self, record: Record) -> None:
        """Take one event."""
        if record[1] == LISTENING:
            self._pipe.send(record[2]["port"])


def serve(module: str, settings: ServerSettings, pipe: Connection) -> None:
    """Run the server in this process; send its port to `pipe`, or why there is none."""
    try:
        importlib.import_module(module).run(settings, Emitter(Announcer(pipe)))
    except CannotRunError as error:
        pipe.send(str(error))


class Held(NamedTuple):
    """How many clients a server holds at once."""

    clients: int
    """All of them are connected, and were answered once."""
    seconds: float
    why: str
    """Why there are not more."""
    kib_each: float
    """Memory of the server per client, in KiB."""


class ServerProcess:
    """A server that runs within the block."""

    def __init__(self, context: Any, name: str, module: str, **settings: Any) -> None:
        """Run the server pattern `module` with these settings and a free port; tables call it `name`."""
        self.name = name
        module = f"procdemo.patterns.{module}"
        config = importlib.import_module(module).Config(port=0, **settings)
        self._pipe, self._theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(module, config, self._theirs), name=name)

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        try:
            found = self._pipe.recv() if self._pipe.poll(_START_S) else f"no port within {_START_S:g} s"
        except EOFError:
            found = "it ended"
        if isinstance(found, str):
            self.__exit__(None, None, None)
            raise CannotRunError(
                f"{self.name} did not start: {found}", "the same server by itself, to see why"
            )
        self.port: int = found
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Stop the server, and wait for its end; if it takes longer than 5 s, kill it."""
        self.stop()
        self._process.join(_STOP_S)
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def stop(self) -> None:
        """Ask the server to end, without waiting."""
        self._process.terminate()

    @property
    def pid(self) -> int:
        """The PID of the server's main process."""
        return self._process.pid or 0

    def hold(self, clients: int, seconds: float) -> Held:
        """Connect one client after the other, until one is not answered; each is silent after its answer.

        Measure nothing else after that, but `end` the server: ten thousand threads whose clients have left
        wake up at once, and slow down each other, and the next server, for two minutes.

        Args:
            clients: how many clients to connect at most.
            seconds: for how long at most.
        """
        before_kib, begin = tree_own_kib(self.pid), time.monotonic()
        address, why, held = ("127.0.0.1", self.port), "as many as asked for", 0
        with contextlib.ExitStack() as stack:
            while held < clients:
                try:
                    client = stack.enter_context(socket.create_connection(address, _ANSWER_S))
                    client.sendall(b"x")
                    self._wait_for_answer(client, begin + seconds)
                except OSError as error:
                    why = reason_of(error)
                    break
                held += 1
            kib = max(tree_own_kib(self.pid) - before_kib, 0)
            took = time.monotonic() - begin
        return Held(held, took, why, kib / max(held, 1))

    def _wait_for_answer(self, client: socket.socket, deadline: float) -> None:
        """Wait for an answer as long as the server does anything: a busy machine may only delay it.

        Raises:
            OSError: there is no answer; its text is the reason.
        """
        asleep = 0
        while asleep < _ASLEEP:
            if time.monotonic() > deadline:
                raise TimeoutError("no time is left")
            with contextlib.suppress(TimeoutError):
                if client.recv(1) == b"X":
                    return
                raise ConnectionRefusedError("the next one is refused")
            asleep = asleep + 1 if tree_sleeps(self.pid) else 0
        raise TimeoutError("the next one waits")
