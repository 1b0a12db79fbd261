"""Starts a subprocess that prints much, and reads while it waits for its end."""

import subprocess
import sys

PROGRAM = "print('x' * 999_999)"

child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE)
output, _ = child.communicate()
print(f"bytes: expected 1000000, got {len(output)}")
