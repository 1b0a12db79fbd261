"""Settings of every server: where it listens, and the limits of one connection."""

from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.settings import Arg, Settings

_CLOCK_S, _CLOCK_SHARE = 5.0, 0.1  # how late --total-timeout may be noticed: seconds, part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Settings):
    """Settings of every server: where it listens, and the limits of one connection."""

    host: Annotated[str, Arg("Address to listen on; anything but loopback lets others in.")] = "127.0.0.1"
    port: Annotated[int, Arg("Port to listen on; 0 for a free one.", min=0, max=65535, short="-p")] = 8080
    clients: Annotated[
        int, Arg("Add scripted clients, end when they have left; fail if one got no answer.", min=0)
    ] = 0
    stay: Annotated[float, Arg("How long a scripted client stays.", min=0, metavar="SECONDS")] = 0.5
    idle_timeout: Annotated[float, Arg("Silence that ends a connection.", min=0.01, metavar="SECONDS")] = 300
    total_timeout: Annotated[float, Arg("Longest connection.", min=0.01, metavar="SECONDS")] = 3600
    grace: Annotated[float, Arg("What a stopping server gives its clients.", min=0, metavar="SECONDS")] = 1.0
    max_connections: Annotated[int, Arg("Clients connected at once; more are refused.", min=1)] = 100
    max_bytes: Annotated[int, Arg("Bytes taken from one connection.", min=1)] = 64 << 20

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
