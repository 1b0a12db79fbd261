"""The time of each thread in each state, by the events of the sampler; and whether an oracle agrees."""

from collections import defaultdict
from dataclasses import dataclass, field

from procdemo.demo.events import Kind

_SHARE, _SECONDS = 0.10, 0.05  # by how much a state may differ: of the run, or so long


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
    told = defaultdict(list)
    for event in events:
        if event.kind == Kind.STATE:
            told[event.pid, event.tid].append(event)
    return {thread: _account(thread, of_thread) for thread, of_thread in told.items()}


def _account(thread, events):
    events.sort(key=lambda event: event.time_ns)
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
        for state in {*ours, *theirs} - {"gone"}:
            difference = abs(ours.get(state, 0) - theirs[state])
            if difference > max(_SHARE * run, _SECONDS) + slack:
                said.append(
                    f"{account.role} {thread} {state}: {ours.get(state, 0):.3f} s, "
                    f"oracle {theirs[state]:.3f} s (run {run:.2f} s, slack {slack:.3f} s)"
                )
    return said
