"""Settings of every server: where it listens, and the limits of one connection."""

from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.settings import Arg, LimitArg, Settings, TimeArg

_CLOCK_S, _CLOCK_SHARE = 5.0, 0.1  # how late --total-timeout may be noticed: seconds, part of it
_APART, _LAST_LEAVES = 0.2, 2.0  # parts of --stay: between two that leave, between the first and the last


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Settings):
    """Settings of every server: where it listens, and the limits of one connection."""

    host: Annotated[
        str, LimitArg("Address to listen on; only loopback keeps other hosts out.", metavar="HOST")
    ] = "127.0.0.1"
    port: Annotated[int, Arg("Port to listen on; 0 for a free one.", min=0, max=65535, short="-p")] = 8080
    clients: Annotated[int, Arg("Run N scripted clients; end when they have left.", min=0)] = 0
    stay: Annotated[float, TimeArg("How long each scripted client stays.", min=0)] = 2.0
    apart: Annotated[float | None, TimeArg("Time between two that leave; default: --stay / 5.", min=0)] = None
    idle_timeout: Annotated[
        float, LimitArg("Close a connection that is silent for so long.", min=0.01, metavar="SECONDS")
    ] = 300
    total_timeout: Annotated[
        float, LimitArg("Close a connection that lasts for so long.", min=0.01, metavar="SECONDS")
    ] = 3600
    grace: Annotated[
        float, LimitArg("Time that clients have to finish when the server stops.", min=0, metavar="SECONDS")
    ] = 1.0
    max_connections: Annotated[
        int, LimitArg("Most clients connected at once; further ones are refused.", min=1)
    ] = 100
    max_bytes: Annotated[int, LimitArg("Most bytes taken from one connection.", min=1)] = 64 << 20

    @property
    def seconds_apart(self) -> float:
        """Time between two scripted clients that leave, so that it is seen what each departure leads to.

        More than ten leave closer together, or a run would take minutes.
        """
        if self.apart is not None:
            return self.apart
        return self.stay * min(_APART, _LAST_LEAVES / max(self.clients, 1))

    @property
    def stop_patience(self) -> float:
        """What the clients have to finish, and some time to end."""
        return self.grace + 2.0

    @property
    def pace(self) -> float:
        """Seconds after which a process or thread that waits for a client looks at the clock.

        Ten thousand threads that do so twice a second have no time for anything else.
        """
        return min(_CLOCK_S, self.total_timeout * _CLOCK_SHARE)

    @property
    def sweep(self) -> float:
        """Seconds after which an event loop looks whether one of its clients has reached a limit of time."""
        return min(self.pace, self.idle_timeout / 4, self.total_timeout / 4)
