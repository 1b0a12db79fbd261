"""Starts a subprocess that prints much, waits for its end, and reads then."""

import subprocess
import sys

PROGRAM = "print('x' * 999_999)"

child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE)
print("parent: waits for the end of the subprocess")
child.wait()
output = child.stdout.read()
print(f"bytes: expected 1000000, got {len(output)}")
