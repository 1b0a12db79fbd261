"""The states of a process: those that a picture shows, and those that the kernel tells apart."""

from enum import StrEnum


class Activity(StrEnum):
    """What a demo says of its processes, for runs at which one could not look; the most active first."""

    ACTIVE = "is active"
    STARTS = "starts"  # a new interpreter, which imports what it needs
    BLOCKED = "is blocked"  # a queue is full or empty
    WAITS = "waits"  # for another process
    GONE = "has ended"


class State(StrEnum):
    """What a thread does as the kernel sees it: the names of the events of kind `state`."""

    COMPUTING = "computing"
    """It has a CPU."""
    READY = "ready"
    """It wants a CPU, and has none."""
    SLEEPING = "sleeping"
    """It lets time pass: simulated work, or a pause."""
    WAITING = "waiting"
    """For data, a connection or a signal: nothing has come yet."""
    BLOCKED = "blocked"
    """By a lock, the GIL, a full queue or pipe, a child that has not ended, a disk."""
    STOPPED = "stopped"
    """By SIGSTOP or its like, until SIGCONT."""
    ZOMBIE = "zombie"
    """It has ended, and its parent has not asked for its exit status."""
    STARTING = "starting"
    """A new interpreter before its first event."""
    GONE = "gone"
    """There is no such thread any more."""
    UNSEEN = "not seen"
    """No state, but a gap: one could not look, and how long it had a CPU is all that is known."""
