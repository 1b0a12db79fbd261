"""Waiting for four answers: one after the other, and in four threads."""

import threading
import time


def wait_for_answer():
    time.sleep(0.3)  # stands for a slow server: the GIL is free meanwhile


begin = time.monotonic()
for _ in range(4):
    wait_for_answer()
in_turn = time.monotonic() - begin

begin = time.monotonic()
threads = [threading.Thread(target=wait_for_answer) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
together = time.monotonic() - begin

print(f"one after the other {in_turn:.2f} s, in threads {together:.2f} s")
print("threads are faster:", together < in_turn)
