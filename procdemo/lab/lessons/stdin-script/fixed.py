"""Runs a program that starts a process, from a file: python program.py."""

import subprocess
import sys
import tempfile

PROGRAM = """
import multiprocessing, sys
mp = multiprocessing.get_context(*sys.argv[1:])  # python program.py [fork|spawn|forkserver]

def greet():
    print("hello from the child")

if __name__ == "__main__":
    child = mp.Process(target=greet)
    child.start()
    child.join()
"""

with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
    file.write(PROGRAM)
    file.flush()
    command = [sys.executable, file.name, *sys.argv[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
print(f"exit status of the program: {done.returncode}")
print(f"greetings: expected 1, got {done.stdout.count('hello')}")
