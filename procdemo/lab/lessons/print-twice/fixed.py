"""Prints a line into a pipe, writes it, and forks then."""

import os
import sys

reader, writer = os.pipe()  # as in "python fixed.py | cat"; here we count what comes out
screen, sys.stdout = sys.stdout, open(writer, "w")

print("hello")
sys.stdout.flush()  # nothing is left in the buffer that the child could inherit
pid = os.fork()
if pid == 0:
    sys.exit()
os.waitpid(pid, 0)
sys.stdout.close()

sys.stdout = screen
lines = open(reader).read().splitlines()
print(*lines, sep="\n")
print(f"lines: expected 1, got {len(lines)}")
