"""A thread that wants to tick every 10 ms, beside Python code and beside one long call into C."""

import statistics
import threading
import time


def python_code():
    end = time.monotonic() + 0.8
    while time.monotonic() < end:
        pass


def c_call():
    sum(range(15_000_000))


def tick(stop, late):
    while not stop.is_set():
        due = time.monotonic() + 0.01
        time.sleep(0.01)
        late.append((time.monotonic() - due) * 1000)


def watch(work):
    stop, late = threading.Event(), []
    ticker = threading.Thread(target=tick, args=(stop, late))
    ticker.start()
    time.sleep(0.05)  # it ticks a few times
    before, begin = len(late), time.monotonic()
    work()
    ticks, seconds = len(late) - before, time.monotonic() - begin
    stop.set()
    ticker.join()
    typical = statistics.median_high(late[before:])
    print(f"{work.__name__}: {ticks} ticks in {seconds:.2f} s, typically {typical:.0f} ms late")


watch(python_code)
watch(c_call)
