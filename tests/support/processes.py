"""What /proc says of processes, so that no test depends on what a process says of itself."""

import contextlib
import ctypes
import os
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_LISTEN = "0A"  # proc(5): TCP_LISTEN


def adopt_orphans() -> None:
    """Make this process a subreaper (prctl(2)): orphans among its descendants become its children."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# --- all processes


@dataclass(frozen=True)
class Process:
    """What /proc/PID/stat says of a process."""

    pid: int
    state: str
    parent: int
    session: int

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a zombie has."""
        return self.state not in "ZX"


def process(pid: int | str) -> Process | None:
    """Return what /proc says of one process, or None if it is gone."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)  # a test run does this a million times
        try:
            fields = os.read(file, 1024).rpartition(b")")[2].split(None, 4)
        finally:
            os.close(file)
    except OSError:
        return None
    return Process(int(pid), fields[0].decode("ascii"), int(fields[1]), int(fields[3]))


def processes() -> dict[int, Process]:
    """Return all processes of this machine by PID."""
    seen = map(process, filter(str.isdigit, os.listdir("/proc")))
    return {each.pid: each for each in seen if each}


def childless() -> bool:
    """Return whether this process has no child, not even one that has ended (waitid(2): ECHILD)."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def tree(root: int) -> dict[int, Process]:
    """Return the descendants of `root` by PID, also those in another process group or session."""
    if root == os.getpid() and childless():
        return {}
    children = defaultdict(list)
    for each in processes().values():
        children[each.parent].append(each)
    found: dict[int, Process] = {}
    todo = [root]
    while todo:
        for child in children[todo.pop()]:
            if child.pid not in found:
                found[child.pid] = child
                todo.append(child.pid)
    return found


def ours() -> list[int]:
    """Return the PIDs of this process and its descendants."""
    return [os.getpid(), *tree(os.getpid())]


def gone(pid: int) -> bool:
    """Return whether a process has ended; a zombie has."""
    found = process(pid)
    return found is None or not found.alive


def kill(*pids: int) -> None:
    """Kill these processes, as the kernel does when memory runs out."""
    first, *others = pids
    os.kill(first, signal.SIGKILL)
    for pid in others:
        with contextlib.suppress(ProcessLookupError):  # it may have ended because the first has
            os.kill(pid, signal.SIGKILL)


# --- one process


def command_line(pid: int) -> str:
    """Return the command line of a process, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""


def waits_in(pid: int) -> str:
    """Return the kernel function in which a process waits, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text("ascii")
    except OSError:
        return ""


def describe(process: Process) -> str:
    """Return a line about a process: PID, parent, state, kernel function, command line."""
    line = command_line(process.pid).replace("\0", " ").strip() or "?"
    where = waits_in(process.pid) or "?"
    return f"{process.pid} (child of {process.parent}, {process.state}, in {where}): {line[:100]}"


# --- its connections


def sockets(pid: int) -> Counter[int]:
    """Return the inodes of a process's sockets."""
    found: Counter[int] = Counter()
    with contextlib.suppress(OSError):
        for fd in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(fd.path)
                if target.startswith("socket:["):
                    found[int(target[8:-1])] += 1
    return found


def connections(client: str) -> set[int]:
    """Return the inodes of sockets whose other end has the port of `client`, ``host:port``.

    There may be several, because the same port may be used between other addresses as well.
    """
    port = int(client.rpartition(":")[2])
    return {int(row[9]) for row in _tcp_sockets() if _port(row[2]) == port and row[9] != "0"}


def holds(pid: int, client: str) -> bool:
    """Return whether a process has the connection with `client` open."""
    return not connections(client).isdisjoint(sockets(pid))


def listeners(port: int) -> set[int]:
    """Return the processes that listen on this port; 0 stands for one of ours that cannot be found."""
    found = set()
    for row in _listening():
        if _port(row[1]) == port:
            holders = {pid for pid in processes() if int(row[9]) in sockets(pid)}
            found |= holders or ({0} if int(row[7]) == os.getuid() else set())
    return found


def ports(pid: int) -> set[int]:
    """Return the ports on which a process listens."""
    own = sockets(pid)
    return {_port(row[1]) for row in _listening() if int(row[9]) in own}


def _listening() -> list[list[str]]:
    return [row for row in _tcp_sockets() if row[3] == _LISTEN]


def _tcp_sockets() -> list[list[str]]:
    return [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def reap_all() -> bool:
    """Reap the children of this process that have ended, orphans among them; return whether all have."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False
