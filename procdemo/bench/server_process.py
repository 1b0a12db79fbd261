"""A server demo as something to be measured: started, asked, looked at, and stopped."""

import contextlib
import importlib
import socket
import time
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self

from procdemo.demo.events import LISTENING, Emitter, Record
from procdemo.demo.settings import CannotRunError
from procdemo.process.usage import tree_own_kib, tree_sleeps
from procdemo.servers.settings import ServerSettings

_START_S, _STOP_S = 20.0, 5.0
_ANSWER_S = 0.15
_LOOKS = (
    2  # as often must the server be seen asleep, with a client unanswered, until that client waits in a queue
)


class Announcer:
    """What a measured server reports with: its port is told, all else dropped."""

    def __init__(self, pipe: Connection) -> None:
        """Tell `pipe` the port."""
        self._pipe = pipe

    def __call__(self, record: Record) -> None:
        """Take one event."""
        if record[1] == LISTENING:
            self._pipe.send(record[2]["port"])


def serve(module: str, settings: ServerSettings, pipe: Connection) -> None:
    """Be the server; tell `pipe` the port, or why there is none."""
    try:
        importlib.import_module(module).run(settings, Emitter(Announcer(pipe)))
    except CannotRunError as error:
        pipe.send(str(error))


class Held(NamedTuple):
    """How many clients a server holds at once."""

    clients: int
    """All of them connected, and answered once."""
    seconds: float
    why: str
    """Why not more."""
    kib_each: float


class ServerProcess:
    """A running server."""

    def __init__(self, context: Any, name: str, module: str, **settings: Any) -> None:
        """Have the pattern `module`, a server, run with these settings within the block."""
        self.name = name
        module = f"procdemo.patterns.{module}"
        config = importlib.import_module(module).Config(port=0, **settings)
        self._pipe, self._theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(module, config, self._theirs), name=name)

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        try:
            found = self._pipe.recv() if self._pipe.poll(_START_S) else f"no word within {_START_S:g} s"
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
        """Stop it, and wait for that; whoever takes long is killed."""
        self.stop()
        self._process.join(_STOP_S)
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def stop(self) -> None:
        """Ask it to end; the block's end waits for it."""
        self._process.terminate()

    @property
    def pid(self) -> int:
        """Its main process."""
        return self._process.pid or 0

    def hold(self, clients: int, seconds: float) -> Held:
        """Connect one client after the other, each answered once and then silent; say how many there are.

        Nothing else can be measured after that: ten thousand threads whose clients have left wake up at
        once, and get in each other's way for two minutes, and in that of whoever is next. `end` it.
        """
        before_kib, begin = tree_own_kib(self.pid), time.monotonic()
        address, why, held = ("127.0.0.1", self.port), "as many as asked for", 0
        with contextlib.ExitStack() as guests:
            while held < clients:
                try:
                    guest = guests.enter_context(socket.create_connection(address, _ANSWER_S))
                    guest.sendall(b"x")
                    self._be_answered(guest, begin + seconds)
                except OSError as error:
                    why = str(error)
                    break
                held += 1
            kib = max(tree_own_kib(self.pid) - before_kib, 0)
            took = time.monotonic() - begin
        return Held(held, took, why, kib / max(held, 1))

    def _be_answered(self, guest: socket.socket, deadline: float) -> None:
        """Wait for an answer while the server does anything, for the machine may be busy, too.

        Raises:
            OSError: there is none; says why.
        """
        slept = 0
        while slept < _LOOKS:
            if time.monotonic() > deadline:
                raise TimeoutError("no time is left")
            with contextlib.suppress(TimeoutError):
                if guest.recv(1) == b"X":
                    return
                raise ConnectionRefusedError("the next one is refused")
            slept = slept + 1 if tree_sleeps(self.pid) else 0
        raise TimeoutError("the next one waits")
