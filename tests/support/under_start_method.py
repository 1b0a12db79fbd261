"""Run a script as ``python SCRIPT [ARG]...`` does, but under a start method that it does not choose itself.

``python under_start_method.py METHOD SCRIPT [ARG]...``
"""

import multiprocessing
import runpy
import sys

if __name__ == "__main__":
    _, method, *sys.argv = sys.argv
    multiprocessing.set_start_method(method)  # noqa: TID251 - what this is for
    runpy.run_path(sys.argv[0], run_name="__main__")
