"""A script under a watchdog, as the lab runs it."""

import json
import subprocess
import sys

from harness import Command

WATCHDOG = [sys.executable, "-m", "procdemo.lab.watchdog"]


class Watched(Command):
    """A script under a watchdog."""

    def __init__(self, tmp_path, source, *args, deadline=20, still=1.0, program=WATCHDOG):
        script = tmp_path / "script.py"
        script.write_text(source)
        self.script = str(script)
        limits = [str(deadline), str(still)]
        super().__init__(self.script, *args, *limits, program=program, stdin=subprocess.PIPE)

    @property
    def report(self):
        return [json.loads(line) for line in self.stdout.splitlines()]

    def wait_said(self, text):
        return self.wait_for(lambda: any(told.get("says") == text for told in self.report), what=text)

    def end(self, within=10):
        """Wait for its own end, and return what it says of the script's."""
        self.finish(within=within).assert_clean(0, stderr_lines=0)
        return self.report[-1]

    def said(self):
        return [(told["stream"], told["says"]) for told in self.report if "says" in told]

    def picture(self):
        lines = [told.get("xray", told.get("found")) for told in self.report]
        return "\n".join(line for line in lines if line is not None)
