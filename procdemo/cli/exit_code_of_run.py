"""The exit status of the command after a run: chosen by the summary, an error, a signal, the time limit."""

import signal

from procdemo.cli.exit_codes import DONE, FAILED, TIME_LIMIT, exit_code_of_signal
from procdemo.demo.events import ERROR, INTERRUPTED, SUMMARY, Event, Kind

_HIGHEST = 255  # exit status


class ExitCodeOfRun:
    """Chooses the exit status after one run."""

    def __init__(self) -> None:
        self._of_summary = FAILED
        self._of_error = DONE

    def note(self, event: Event) -> None:
        """Take one event: the summary decides, unless an error before it brings its own exit status."""
        if event.kind == Kind.RESULT and event.name == SUMMARY:
            self._of_summary = (
                self._of_error or _of_watched(event) or (DONE if event.data.get("ok") else FAILED)
            )
        elif event.kind == Kind.MARK and event.name == ERROR:
            self._of_error = event.data.get("exit_code", FAILED)

    def agreeing(self, event: Event, *, signum: int, timed_out: bool) -> Event:
        """Return an event that was noted so that its last line agrees with the exit status.

        A server that was asked to stop may say that all went well. If the exit status says that it was
        interrupted, so does the summary. The arguments are those of `choose`.
        """
        is_summary = event.kind == Kind.RESULT and event.name == SUMMARY
        if (
            not is_summary
            or self._of_summary != DONE
            or self.choose(signum=signum, timed_out=timed_out) == DONE
        ):
            return event
        return event._replace(data={"outcome": INTERRUPTED, **event.data})

    def choose(self, *, signum: int = 0, timed_out: bool = False) -> int:
        """Return the exit status.

        Args:
            signum: the signal that the command was asked to stop with, 0 if there was none.
            timed_out: whether the time limit has stopped the demo.
        """
        if signum == signal.SIGTERM and self._of_summary == DONE:  # e.g. a server that drained
            return DONE
        if signum:
            return exit_code_of_signal(signum)
        return TIME_LIMIT if timed_out else self._of_summary


def _of_watched(summary: Event) -> int:
    """Return the exit status of a watched program, or of `watch` if it has ended the program; else 0."""
    status = TIME_LIMIT if summary.data.get("verdict") == "killed" else summary.data.get("exit_status", DONE)
    return status if type(status) is int and 0 <= status <= _HIGHEST else FAILED
