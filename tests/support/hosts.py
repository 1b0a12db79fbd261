"""Three hosts on this one: namespaces for network, name, clock and processes, joined by a bridge.

The first has the scheduler; the clocks of the others are a day and two days ahead, and their processes have
the same PIDs. All of it belongs to one process, and ends with it. It is invisible from outside, and needs no
root (user_namespaces(7)).
"""

import shutil
import subprocess

import pytest
from harness import Command

HOSTS = {"hostA": 0, "hostB": 86_400, "hostC": 172_800}
"""Names, and by how many seconds their clocks are ahead."""

_NETWORK = "10.77.0"
_NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "--net"]
_PRIVATE = ["unshare", "--uts", "--time", "--monotonic"]
_SEPARATE = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_NAME = 'hostname "$0"; exec "$@"'


def _setup() -> str:
    lines = ["set -e", "mount -t tmpfs none /run", "ip link add bridge type bridge", "ip link set bridge up"]
    for number, host in enumerate(HOSTS, start=1):
        lines += [
            f"ip netns add {host}",
            f"ip link add name {host} type veth peer name eth netns {host}",
            f"ip link set {host} master bridge up",
            f"ip -n {host} link set lo up",
            f"ip -n {host} address add {_NETWORK}.{number}/24 dev eth",
            f"ip -n {host} link set eth up",
        ]
    return "\n".join([*lines, "echo up", "exec sleep 1000"])


def _permitted() -> str:
    """Return why hosts cannot be made here; empty if they can."""
    if not (shutil.which("ip") and shutil.which("unshare")):
        return "apt-get install iproute2 util-linux"
    probe = [
        *_NAMESPACES,
        *_PRIVATE,
        "1",
        *_SEPARATE,
        "sh",
        "-ec",
        "mount -t tmpfs none /run; ip netns add x",
    ]
    done = subprocess.run(probe, capture_output=True, check=False)
    return f"no namespaces permitted here: {done.stderr.decode()[-200:]}" if done.returncode else ""


_reason = _permitted()
needs_hosts = pytest.mark.skipif(bool(_reason), reason=_reason)


class Hosts:
    """The three hosts, as a context manager."""

    def __enter__(self):
        self._owner = Command(program=[*_NAMESPACES, "sh", "-c", _setup()], limit=200)
        try:
            self._owner.wait_line("^up$")
        except BaseException:
            self._owner.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self._owner.__exit__(*error)

    def address(self, host):
        """Return the address of a host."""
        return f"{_NETWORK}.{list(HOSTS).index(host) + 1}"

    def on(self, host):
        """Return the words that, before a command, make it run on `host`."""
        apart = _SEPARATE if HOSTS[host] else []
        return [
            *self._enter(),
            "ip",
            "netns",
            "exec",
            host,
            *_PRIVATE,
            str(HOSTS[host]),
            *apart,
            "sh",
            "-c",
            _NAME,
            host,
        ]

    def cut_off(self, host):
        """Take down the network of `host`: what is sent to it or from it is lost without an error."""
        subprocess.run([*self._enter(), "ip", "link", "set", host, "down"], check=True)

    def _enter(self):
        return ["nsenter", "-t", str(self._owner.pid), "-U", "-m", "-n", "--preserve-credentials"]
