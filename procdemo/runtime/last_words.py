"""Why a demo has no summary of its own: what its main process reported or wrote last, and how it ended."""

from typing import Any

from procdemo.demo import cgroup
from procdemo.demo.events import ERROR, INTERRUPTED, STDERR, STOPPED, Event, Kind
from procdemo.demo.text import printable
from procdemo.process import shortage
from procdemo.process.exit_status import signal_name


class LastWords:
    """Takes the events of a run, and gives a reason if the last one is missing."""

    def __init__(self) -> None:
        self._error = ""
        self._said = ""
        self._stopped = False  # whether main has left its work because it was asked to
        self._progress: dict[str, Any] = {}  # data of the last counter with a total
        self._kills, _ = cgroup.kills_for_memory()

    def note(self, event: Event) -> None:
        """Take one event."""
        if event.kind == Kind.MARK and event.name == ERROR:
            self._error = event.data.get("message", "")
        elif event.kind == Kind.MARK and event.name == STDERR:
            self._said = printable(event.data.get("text", "")).strip() or self._said
        elif event.kind == Kind.MARK and event.name == STOPPED:
            self._stopped = True
        elif event.kind == Kind.COUNT and isinstance(event.data.get("total"), int):
            self._progress = event.data

    def summary(self, pid: int, status: int | None) -> dict[str, Any]:
        """Return the data of the missing summary; the arguments are those of `reason`."""
        killed = status is not None and status < 0
        if self._stopped and not (self._error or killed):
            done = "{value} of {total} done".format_map(self._progress) if self._progress else "not finished"
            return {"ok": False, "outcome": INTERRUPTED, "reason": f"{INTERRUPTED}: {done}"}
        return {"ok": False, "reason": self.reason(pid, status)}

    def reason(self, pid: int, status: int | None) -> str:
        """Return why there is no summary.

        Args:
            pid: the main process.
            status: its exit status, -N if signal N has ended it; None if it is not known.
        """
        killed = status is not None and status < 0
        if self._error and not killed:
            return self._error
        lacks = ""
        if status is None:
            how = "ended"
        elif killed:
            how = f"was ended by {signal_name(-status)}"
            lacks = shortage.named_by_signal(-status, self._kills)
        else:
            how = f"ended with exit status {status}"
        parts = [f"the main process {pid} {how} before it could sum up", lacks, self._error]
        return ": ".join(filter(None, [*parts, self._said and f"its last words: {self._said}"]))
