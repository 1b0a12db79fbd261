"""A thread that wants to tick every 10 ms beside Python code, with two switch intervals."""

import statistics
import sys
import threading
import time


def tick(stop, late):
    while not stop.is_set():
        due = time.monotonic() + 0.01
        time.sleep(0.01)
        late.append((time.monotonic() - due) * 1000)


def watch(seconds):
    stop, late = threading.Event(), []
    ticker = threading.Thread(target=tick, args=(stop, late))
    ticker.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    stop.set()
    ticker.join()
    interval = sys.getswitchinterval() * 1000
    print(f"switch interval {interval:.0f} ms: typically {statistics.median(late):.0f} ms late")


watch(0.2)
sys.setswitchinterval(0.2)
watch(0.7)
