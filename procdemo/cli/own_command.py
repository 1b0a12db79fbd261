"""Run procdemo from a command of it: the tour and the lab's score do, each run in a process of its own."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from procdemo.cli.common_options import ViewOptions
from procdemo.demo.event_log import DamagedLogError, read
from procdemo.demo.events import Event


def call(words: Sequence[str], view: ViewOptions) -> int:
    """Run procdemo with these words, in the colours of `view`, unseen if that is for JSON.

    A Ctrl-C ends it, and is this command's business afterwards.

    Returns:
        Its exit status.
    """
    options = ["--plain"] if view.plain else []
    if view.colour is not None:
        options += ["--color", "always" if view.colour else "never"]
    earlier = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        nowhere = subprocess.DEVNULL if view.json else None
        command = [sys.executable, "-m", "procdemo", *options, *words]
        return subprocess.run(command, stdout=nowhere, stderr=nowhere, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, earlier)


def record(words: Sequence[str], view: ViewOptions) -> tuple[int, list[Event]]:
    """Do the same with a command that can be recorded; return its events, too, as far as there are any."""
    with tempfile.TemporaryDirectory(prefix="procdemo-") as folder:
        log = Path(folder, "run.jsonl")
        name, *rest = words  # what stands behind the script of `watch` is the script's own
        status = call([name, "--record", str(log), *rest], view)
        events: list[Event] = []
        with contextlib.suppress(OSError, DamagedLogError), log.open("rb") as file:
            events.extend(read(file))
        return status, events
