"""A script that `procdemo watch` runs, and what the record says of it."""

import json
import subprocess

from hanging import PYTHON, START
from harness import PROCDEMO, Command

from procdemo.demo.events import Event


class UnderWatch(Command):
    """A script under watch; it is killed at the end of the block, and watch with it."""

    def __init__(self, tmp_path, source, *args, watch=(), start=START, stdin=subprocess.DEVNULL, **options):
        """Start it.

        Args:
            tmp_path: an empty folder.
            source: of the script; `start` comes before it.
            args: of the script.
            watch: options of watch.
            start: see above.
            stdin: as for `Command`.
            options: as for `Command`.
        """
        script, self.record = tmp_path / "script.py", tmp_path / "run.jsonl"
        script.write_text(start + source)
        own = ["watch", "--record", str(self.record), "--python", PYTHON, *watch]
        super().__init__(*own, str(script), *args, stdin=stdin, program=PROCDEMO, **options)

    @property
    def seen(self):
        """The events in the record so far, without those of the sampler."""
        text = self.record.read_text() if self.record.exists() else ""
        events = [Event(**json.loads(line)) for line in text.splitlines(keepends=True) if line[-1:] == "\n"]
        return [event for event in events if event.kind != "state"]

    def pictures(self):
        """Return the data of each X-ray so far."""
        return [event.data for event in self.seen if event.name == "xray"]

    @property
    def summary_seen(self):
        """The data of the summary."""
        last = self.seen[-1]
        assert last.name == "summary", self.stderr
        return last.data

    @property
    def program_pid(self):
        """The process of the script."""
        return self.wait_for(lambda: self.seen, what="the record")[0].pid

    def said(self, name):
        """Return whether a thread of the script has said this (`hanging.START`)."""
        return any(line.startswith(f"{name} ") for line in self.stdout.splitlines())
