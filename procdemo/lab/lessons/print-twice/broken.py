"""Prints a line into a pipe, and forks before the line is written."""

import os
import sys

reader, writer = os.pipe()  # as in "python broken.py | cat"; here we count what comes out
screen, sys.stdout = sys.stdout, open(writer, "w")

print("hello")  # is in the buffer, and not yet in the pipe
pid = os.fork()
if pid == 0:
    sys.exit()  # at its end the child writes its copy of the buffer
os.waitpid(pid, 0)
sys.stdout.close()  # and the parent writes its own

sys.stdout = screen
lines = open(reader).read().splitlines()
print(*lines, sep="\n")
print(f"lines: expected 1, got {len(lines)}")
