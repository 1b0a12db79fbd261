"""The time of each thread in each state, by the events of the sampler; and whether an oracle agrees."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from procdemo.demo.events import Kind

_SHARE, _SECONDS = 0.10, 0.05  # by how much a state may differ: of the run, or so long
_CELL_S, _LOOKS = 0.1, 8  # a cell, and the oracle's looks in it that make it certain
_MOST = 0.6


@dataclass
class Account:
    """The account of one thread."""

    role: str
    pid: int
    tid: int
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By state; a new interpreter's waits are *starting*."""
    lived: float = 0.0
    calls: set[str] = field(default_factory=set)

    def share(self, *states):
        """Return the share of these states in its life."""
        return sum(self.seconds[state] for state in states) / sum(self.seconds.values())


def accounts(events):
    """Return the accounts of all threads, by PID and thread."""
    return {thread: _account(thread, of_thread) for thread, of_thread in _told(events).items()}


def _told(events):
    """Return the events of kind `state` of each thread, in the order of time."""
    told = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time_ns):
        if event.kind == Kind.STATE:
            told[event.pid, event.tid].append(event)
    return told


def _account(thread, events):
    account = Account(events[-1].role, *thread)
    name, before_ns = "", events[0].time_ns
    for event in events:
        ms = {"computing": event.data["cpu_ms"], "ready": event.data["ready_ms"]}
        for state, also in event.data.get("also_ms", {}).items():
            ms[state] = ms.get(state, 0) + also
        for state, each in ms.items():
            account.seconds[state] += each / 1e3
        if name:
            account.seconds[name] += (event.time_ns - before_ns) / 1e9 - sum(ms.values()) / 1e3
        name, before_ns = event.name, event.time_ns
        account.calls.add(event.data["call"])
    account.lived = (events[-1].time_ns - events[0].time_ns) / 1e9
    return account


def contradictions(events, oracle):
    """Return where a thread was said to compute, and waited, or the other way round, as sentences.

    A cell counts if it has one state from end to end, for a tenth of a second.
    """
    said = []
    for thread, told in _told(events).items():
        looks = oracle.threads[thread].looks if thread in oracle.threads else []
        for event, following in pairwise(told):
            begin, end = event.time_ns / 1e9, following.time_ns / 1e9
            for number in range(int((end - begin) / _CELL_S)):
                first = begin + number * _CELL_S
                inside = [look for look in looks if first <= look[0] < first + _CELL_S]
                if len(inside) < _LOOKS:
                    continue
                waited = sum(waits for _, waits, _ in inside) / len(inside)
                used = (inside[-1][2] - inside[0][2]) / (inside[-1][0] - inside[0][0])
                if event.name == "computing" and waited > _MOST and used < 1 - _MOST:
                    said.append(f"{event.role} {thread} computes, and waited {waited:.0%} of {first:.3f}")
                if event.name in {"sleeping", "waiting", "blocked", "stopped"} and used > _MOST:
                    said.append(f"{event.role} {thread} is {event.name}, and used {used:.0%} of {first:.3f}")
    return said


def disagreements(events, oracle):
    """Return what the sampler says otherwise than the oracle, as sentences."""
    found = accounts(events)
    run = (max(event.time_ns for event in events) - min(event.time_ns for event in events)) / 1e9
    said = []
    for thread, account in found.items():
        seen = oracle.threads.get(thread)
        if seen is None:
            continue  # it lived for an instant
        ours, theirs = dict(account.seconds), defaultdict(float, seen.seconds)
        if "waiting" in ours and "futex" in account.calls:
            # In line for a pipe: for the oracle at a lock.
            for seconds in (ours, theirs):
                seconds["waiting"] = seconds.get("waiting", 0) + seconds.pop("blocked", 0)
        # Not its fault: what one of the two has seen earlier or for longer, and an interpreter's start.
        slack = abs(account.lived - seen.lived) + ours.pop("starting", 0)
        slack += 2 * seen.late  # as late as these looks were, those of the sampler may have been
        unseen = ours.pop("not seen", 0)  # except for CPU time, which is known
        for state in {*ours, *theirs} - {"gone"}:
            difference = abs(ours.get(state, 0) - theirs[state])
            if difference > max(_SHARE * run, _SECONDS) + slack + (unseen if state != "computing" else 0):
                said.append(
                    f"{account.role} {thread} {state}: {ours.get(state, 0):.3f} s, "
                    f"oracle {theirs[state]:.3f} s (run {run:.2f} s, slack {slack:.3f} s)"
                )
    return said
