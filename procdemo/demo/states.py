"""The states of a process that a picture shows."""

from enum import StrEnum


class Activity(StrEnum):
    """What a process does; the most active first."""

    RUNS = "runs"
    STARTS = "starts"  # a new interpreter, which imports what it needs
    BLOCKED = "blocked"  # a queue is full or empty
    WAITS = "waits"  # for another process
    GONE = "gone"
