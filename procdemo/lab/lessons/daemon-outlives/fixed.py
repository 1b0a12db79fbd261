"""A process with a daemon makes an ordinary exit of SIGTERM."""

import multiprocessing
import os
import signal
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def serve(teller):
    teller.put(os.getpid())
    time.sleep(60)


def have_daemon(teller):
    daemon = mp.Process(target=serve, args=(teller,), daemon=True)
    daemon.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    teller.put("ready")
    daemon.join()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    teller = mp.SimpleQueue()
    parent = mp.Process(target=have_daemon, args=(teller,))
    parent.start()
    words = {teller.get(), teller.get()}
    parent.terminate()
    parent.join()
    print(f"daemons gone: expected 1, got {int(not is_there((words - {'ready'}).pop()))}")
