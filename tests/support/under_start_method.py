"""Run a script as ``python SCRIPT [ARG]...`` does, but under a start method that it does not choose itself.

``python under_start_method.py METHOD SCRIPT [ARG]...``
"""

import multiprocessing
import sys

_, _method, *sys.argv = sys.argv
multiprocessing.set_start_method(_method)  # noqa: TID251 - what this is for
__file__ = sys.argv[0]  # children that are spawned import this file as their main module
with open(__file__, "rb") as _script:
    _code = compile(_script.read(), __file__, "exec")
exec(_code)  # in this very module: until the end of the process it is the script's
