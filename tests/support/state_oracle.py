"""An oracle of what threads do: a reader of /proc of its own, 200 looks a second, in a process of its own.

    with StateOracle() as oracle:
        run("spawn")
    oracle.threads[pid, tid].seconds["sleeping"]

It knows nothing of procdemo's sampler: it takes the wait channel; CPU and ready time are
as the kernel counts them.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

_LOOK_S = 0.005
_LATE_S = 0.02  # on a busy machine a look comes later than that
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SUSPENDED_S = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()  # what only the first counts
_LISTED = 4  # looks between two listings of /proc
_CHANNELS = {
    "sleeping": ["hrtimer_nanosleep", "do_nanosleep"],
    "waiting": [
        *("anon_pipe_read", "pipe_read", "unix_stream_read_generic", "wait_woken", "inet_csk_accept"),
        *(
            "poll_schedule_timeout",
            "do_epoll_wait",
            "ep_poll",
            "do_wait_intr_irq",
            "pause",
            "do_sigtimedwait",
        ),
        *("__skb_wait_for_more_packets", "__x64_sys_pause", "__do_sys_pause", "__se_sys_pause"),
    ],
    "blocked": [
        *("futex_do_wait", "futex_wait_queue", "anon_pipe_write", "pipe_write", "sock_alloc_send_pskb"),
        *("do_wait", "kernel_clone"),
    ],
}
_STATE_OF = {channel: state for state, channels in _CHANNELS.items() for channel in channels}


@dataclass
class Seen:
    """What the oracle has seen of a thread."""

    seconds: dict[str, float]
    """By state."""
    lived: float
    """Seconds from the first look to the last."""
    looks: list[tuple[float, bool, float]]
    """Of each look: when it was (`time.monotonic`), whether the thread waited, its CPU seconds so far."""
    late: float = 0.0
    """Seconds by which looks came late: in them it may have done anything."""
    born: float = 0.0
    """When it was started (`time.monotonic`, in steps of the kernel's tick); the first look is later."""


class StateOracle:
    """Looks at all processes below this one while its block lasts."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        told, _ = self._process.communicate()
        self.threads = {}
        for line in told.splitlines():
            pid, tid, *seen = json.loads(line)
            self.threads[pid, tid] = Seen(*seen)


class _Thread:
    def __init__(self, now):
        self.first = self.last = now
        self.weights = Counter()
        self.cpu = self.ready = self.late = self.born = 0.0
        self.looks = []

    def look(self, now, folder):
        text = (folder / "stat").read_text("utf-8", "replace")
        letter, *rest = text.rpartition(")")[2].split()
        self.born = int(rest[18]) / _TICKS_PER_S - _SUSPENDED_S
        cpu, ready, _ = (folder / "schedstat").read_text().split()
        self.cpu, self.ready = int(cpu) / 1e9, int(ready) / 1e9
        if state := {"T": "stopped", "t": "stopped", "Z": "zombie"}.get(letter) or _waits(letter, folder):
            self.weights[state] += now - self.last  # on a busy machine the looks are not at even times
        self.late += max(now - self.last - _LATE_S, 0.0)
        self.looks.append((now, letter != "R", self.cpu))
        self.last = now

    def seconds(self):
        """Return the time of each state: waits share what CPU and ready time leave of the life."""
        rest = max(self.last - self.first - self.cpu - self.ready, 0.0)
        total = self.weights.total() or 1.0
        found = {state: rest * weight / total for state, weight in self.weights.items()}
        return {"computing": self.cpu, "ready": self.ready, **found}


def _waits(letter, folder):
    if letter not in "SD":
        return None
    channel = (folder / "wchan").read_text().partition(".")[0]
    number, *words = (folder / "syscall").read_text().split()
    if channel == "wait_woken" and number in {"44", "46", "206", "211"}:
        return "blocked"  # sends
    if channel == "poll_schedule_timeout" and words:
        count = words[1] if number in {"7", "271", "73"} else words[0]
        if int(count, 16) == 0:
            return "sleeping"
    if letter == "D":
        return "blocked"
    return _STATE_OF.get(channel)


def _below(root):
    children = defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path("/proc", name, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(name))
    found, todo = [], [root]
    while todo:
        below = children[todo.pop()]
        found += below
        todo += below
    return [pid for pid in found if pid != os.getpid()]


def main():
    root = int(sys.argv[1])
    threads, pids, looks = {}, [], 0
    print("ready", flush=True)
    os.set_blocking(0, False)
    while sys.stdin.buffer.read(1) is None:
        begin = time.monotonic()
        if looks % _LISTED == 0:
            pids = _below(root)
        looks += 1
        for pid in pids:
            try:
                tids = [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
            except OSError:
                continue
            for tid in tids:
                now = time.monotonic()
                thread = threads.setdefault((pid, tid), _Thread(now))
                try:
                    thread.look(now, Path(f"/proc/{pid}/task/{tid}"))
                except (OSError, ValueError, IndexError):
                    continue  # it has ended
        select.select([], [], [], max(begin + _LOOK_S - time.monotonic(), 0))
    for (pid, tid), thread in threads.items():
        lived = thread.last - thread.first
        print(json.dumps([pid, tid, thread.seconds(), lived, thread.looks, thread.late, thread.born]))


if __name__ == "__main__":
    main()
