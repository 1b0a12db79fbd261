"""A thread that wants to tick every 10 ms beside Python code, with two switch intervals."""

import sys
import threading
import time


def tick(stop, late):
    while not stop.is_set():
        due = time.monotonic() + 0.01
        time.sleep(0.01)
        late.append((time.monotonic() - due) * 1000)


def watch(ticks):
    stop, late = threading.Event(), []
    ticker = threading.Thread(target=tick, args=(stop, late))
    ticker.start()
    while len(late) < ticks:
        pass
    stop.set()
    ticker.join()
    interval = sys.getswitchinterval() * 1000
    print(f"switch interval {interval:.0f} ms: at least {min(late[:ticks]):.0f} ms late")


watch(10)
sys.setswitchinterval(0.2)
watch(3)
