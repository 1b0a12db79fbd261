"""Runs a program that starts a process, from stdin: python - < program.py."""

import subprocess
import sys

PROGRAM = """
import multiprocessing, sys
mp = multiprocessing.get_context(*sys.argv[1:])  # python - [fork|spawn|forkserver] < program.py

def greet():
    print("hello from the child")

if __name__ == "__main__":
    child = mp.Process(target=greet)
    child.start()
    child.join()
"""

command = [sys.executable, "-", *sys.argv[1:]]
done = subprocess.run(command, input=PROGRAM, stdout=subprocess.PIPE, text=True)
print(f"exit status of the program: {done.returncode}")
print(f"greetings: expected 1, got {done.stdout.count('hello')}")
