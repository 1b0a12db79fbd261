"""The same program under each start method: what its child sees, and which is the default."""

import multiprocessing
import os
import sys

limit = 0  # set below the guard: a child under fork inherits that, others do not
made_in = os.getpid()


def look(results):
    results.put((limit, made_in))


if __name__ == "__main__":
    limit = 100
    for method in multiprocessing.get_all_start_methods():
        mp = multiprocessing.get_context(method)
        results = mp.SimpleQueue()
        child = mp.Process(target=look, args=(results,))
        child.start()
        seen, importer = results.get()
        child.join()
        imports = {os.getpid(): "nothing", child.pid: "this module"}.get(importer, "little")
        print(f"{method}: the child sees {seen}, and has itself imported {imports}")
    default = multiprocessing.get_start_method()
    print(f"Python {sys.version.split()[0]} on {sys.platform} starts processes by {default}")
