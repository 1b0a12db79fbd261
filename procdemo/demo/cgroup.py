"""The limits of the control groups that this process is in (Linux; a container is such a group).

Groups are nested, and a limit holds for all groups below it: the smallest of the own group and its
ancestors counts. Version 1 has a tree for each controller, version 2 one for all. A system can have both
(cgroups(7)).
"""

from collections.abc import Iterator
from contextlib import suppress

_PROC = "/proc/self"
_NO_LIMIT = 1 << 63


def cpu_quota(proc: str = _PROC) -> float | None:
    """Return how many CPUs' time this process may use, 0.5 for example; None if there is no quota.

    Version 2 says quota and period in one file, version 1 in two (kernel: admin-guide/cgroup-v2, Controllers,
    CPU; scheduler/sched-bwc). `proc` is the folder of this process.
    """
    quotas = []
    for folder in groups("cpu", proc):
        words = _read(f"{folder}/cpu.max").split()
        words = words or [
            *_read(f"{folder}/cpu.cfs_quota_us").split(),
            *_read(f"{folder}/cpu.cfs_period_us").split(),
        ]
        with suppress(ValueError, ZeroDivisionError):  # "max" in version 2; no such file in the root
            quota, period = map(int, words)
            if quota > 0:  # -1 in version 1: no limit
                quotas.append(quota / period)
    return min(quotas, default=None)


def full_of_processes(proc: str = _PROC) -> int | None:
    """Return the number of processes that a group allows, if it has so many; otherwise None (pids.max)."""
    for folder in groups("pids", proc):
        with suppress(ValueError):
            most = int(_read(f"{folder}/pids.max"))
            if int(_read(f"{folder}/pids.current")) >= most:
                return most
    return None


def kills_for_memory(proc: str = _PROC) -> tuple[int, int]:
    """Return how many processes the kernel has killed because a group was full, and the limit in bytes.

    (Version 2: memory.events, memory.max; version 1: memory.oom_control, memory.limit_in_bytes.)
    """
    kills, limits = 0, [_NO_LIMIT]
    for folder in groups("memory", proc):
        events = _read(f"{folder}/memory.events") or _read(f"{folder}/memory.oom_control")
        limit = _read(f"{folder}/memory.max") or _read(f"{folder}/memory.limit_in_bytes")
        kills += sum(int(line.split()[1]) for line in events.splitlines() if line.startswith("oom_kill "))
        with suppress(ValueError):  # "max", or no such file
            limits.append(int(limit))
    return kills, min(limits)


def groups(controller: str, proc: str = _PROC) -> Iterator[str]:
    """Yield the folder of the group of this process and those of its ancestors, in each tree."""
    paths = {}
    for line in _read(f"{proc}/cgroup").splitlines():
        _, _, group = line.partition(":")
        controllers, _, path = group.partition(":")
        if not controllers and path:
            paths["cgroup2"] = path
        elif controller in controllers.split(","):
            paths["cgroup"] = path
    for kind, options, root, mount in _mounts(proc) if paths else ():
        if kind in paths and (kind == "cgroup2" or controller in options):
            yield from _up(mount, _below(root, paths[kind]))


def _mounts(proc: str) -> Iterator[tuple[str, list[str], str, str]]:
    """Yield of each mount: type, options of the file system, what of it is mounted, and where (proc(5))."""
    for line in _read(f"{proc}/mountinfo").splitlines():
        mounted, _, system = line.partition(" - ")
        with suppress(ValueError):  # a system that only resembles Linux may say less
            kind, _source, options = system.split(" ", 2)
            _id, _parent, _device, root, mount, _ = mounted.split(" ", 5)
            mount = mount.encode().decode("unicode_escape") if "\\" in mount else mount  # \040 is a blank
            yield kind, options.split(","), root, mount


def _below(root: str, path: str) -> str:
    """Return where a group is below a mount of the group `root`; empty if only the mount can be seen."""
    root = root.rstrip("/")
    if f"{path}/".startswith(f"{root}/") and not path.startswith("/.."):  # outside of our namespace
        return path[len(root) :].rstrip("/")
    return ""


def _up(mount: str, below: str) -> Iterator[str]:
    while below:
        yield mount + below
        below = below.rpartition("/")[0]
    yield mount


def _read(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
