"""What a server and its scripted clients know of each other: names, and which client leaves when.

A server sees only from which port a client comes. So a scripted client enters its number in a table,
in the row of its port, before it connects; the process that accepts it reads the number there. The table
is in memory that all processes of the server share.
"""

import mmap
import struct
import time
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, Final

from procdemo.process.nameless_memory import nameless_memory

_HERE = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}  # a client at another address is named with it
_PORTS = 65_536
_NUMBER: Final = "I"  # of a client, plus one; 0 for none
_TIME = struct.Struct("q")  # when the next client may leave, in nanoseconds of time.monotonic
_SIZE = _TIME.size + _PORTS * struct.calcsize(_NUMBER)


def client_name(number: int, port: int) -> str:
    """Return the one name of a scripted client, e.g. ``client-2 (port 52462)``; 0 if it has no port yet."""
    return f"client-{number} (port {port})" if port else f"client-{number}"


class ClientRegister:
    """The scripted clients of one server; an argument of its workers and of its clients.

    Nothing can be left locked: the kernel gives the lock of a process back when the process ends.
    """

    def __init__(self, fd: int | None = None) -> None:
        """Share the memory behind `fd`; None for a server without scripted clients."""
        self._fd = fd
        self._numbers: memoryview[int] | None = None
        if fd is not None:
            self._map = mmap.mmap(fd, _SIZE)
            self._numbers = memoryview(self._map)[_TIME.size :].cast(_NUMBER)

    @classmethod
    def with_clients(cls, clients: int) -> "ClientRegister":
        """Return a register for so many scripted clients."""
        return cls(nameless_memory(_SIZE) if clients else None)

    def __reduce__(self) -> tuple[Callable[..., "ClientRegister"], tuple[Any, ...]]:
        if self._fd is None:
            return ClientRegister, ()
        return _arrive, (reduction.DupFd(self._fd),)

    def enter(self, number: int, port: int) -> None:
        """Note that the scripted client `number` is about to connect from `port`."""
        if self._numbers:
            self._numbers[port] = number + 1

    def name(self, host: str, port: int) -> str:
        """Return the name of a client that was accepted; ``client (port 52462)`` if it is not scripted.

        A number counts once: the next client from this port is another one.
        """
        if self._numbers and (number := self._numbers[port]):
            self._numbers[port] = 0
            return client_name(number - 1, port)
        return f"client (port {port})" if host in _HERE else f"client ({host} port {port})"

    def wait_for_turn(self, stay: float, apart: float) -> float:
        """Return in how many seconds the caller may leave: after `stay`, and `apart` from all others."""
        if self._fd is None:
            return stay
        import fcntl  # noqa: PLC0415 - absent on Windows

        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        now = time.monotonic_ns()
        (free,) = _TIME.unpack_from(self._map)
        leaves: int = max(now + int(stay * 1e9), free)
        _TIME.pack_into(self._map, 0, leaves + int(apart * 1e9))
        fcntl.lockf(self._fd, fcntl.LOCK_UN)
        return (leaves - now) / 1e9


def _arrive(fd: Any) -> ClientRegister:
    return ClientRegister(fd.detach())
