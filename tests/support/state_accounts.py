"""The time of each thread in each state, by the events of the sampler; and whether an oracle agrees."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from procdemo.demo.events import Kind
from procdemo.demo.states import Activity, State
from procdemo.render.timeline import family, lanes

_SHARE, _SECONDS = 0.10, 0.05  # by how much a state may differ: of the run, or so long
_CELL_S, _LOOKS = 0.06, 8  # a cell, and the oracle's looks in it that make it certain
_MOST = 0.6
_COMPUTES = {State.COMPUTING, Activity.ACTIVE}
_WAITS = {State.SLEEPING, State.WAITING, State.BLOCKED, State.STOPPED, Activity.WAITS, Activity.BLOCKED}


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


def lanes_of(events):
    """Return the lanes of all processes, helpers too, and of all their threads."""
    processes = lanes(events, {}, helpers=True)
    threads = lanes(events, {}, {family(lane.role) for lane in processes}, helpers=True)
    return processes + [lane for lane in threads if lane.tid]


def contradictions(drawn, oracle, cell_s=_CELL_S, least=3):
    """Return where a lane says that it computes, and it waited, or the other way round, as sentences.

    A cell is `cell_s` seconds long, as a rule as three looks of the sampler. It counts if the lane has one
    state from its begin to its end. That is wrong if it is not true of half of the cell; a tenth more is left
    out, because the kernel counts CPU time at its ticks. A lane is wrong from `least` such cells on: on a
    busy machine a look can be late, and then it stands for a cell in which much has changed.
    """
    said = []
    for lane in drawn:
        wrong = []
        threads = [
            seen.looks
            for (pid, tid), seen in oracle.threads.items()
            if pid == lane.pid and lane.tid in {0, tid}
        ]
        for (begin_ns, state), (end_ns, _) in pairwise(lane.changes):
            for number in range(int((end_ns - begin_ns) / 1e9 / cell_s)):
                begin = begin_ns / 1e9 + number * cell_s
                cells = [[look for look in looks if begin <= look[0] < begin + cell_s] for looks in threads]
                cells = [cell for cell in cells if len(cell) >= _LOOKS]
                if not cells:
                    continue
                waited = min(sum(waits for _, waits, _ in cell) / len(cell) for cell in cells)
                used = sum((cell[-1][2] - cell[0][2]) / (cell[-1][0] - cell[0][0]) for cell in cells)
                idle = waited > _MOST and used < 1 - _MOST
                if (state in _COMPUTES and idle) or (state in _WAITS and used > _MOST):
                    truth = f"waited {waited:.0%}, used {used:.0%} of a CPU"
                    wrong.append(f"{lane.role} {lane.pid} {lane.tid} at {begin:.3f}: {state}, but {truth}")
        said += wrong if len(wrong) >= least else []
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
