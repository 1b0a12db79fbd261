"""Two threads of one process change the same list."""

import os
import threading

guests = []


def invite(name):
    guests.append(name)
    print(f"{name}: PID {os.getpid()}, list {id(guests):#x}")


threads = [threading.Thread(target=invite, args=(name,)) for name in ("Ann", "Bob")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"main: PID {os.getpid()}, list {id(guests):#x}, with {len(guests)} guests")
