"""A process that may use only one of the CPUs counts them."""

import os

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as taskset, or a container, would do it

print(f"in this machine: os.cpu_count() says {os.cpu_count()}")
print(f"for this process: os.sched_getaffinity(0) has {len(os.sched_getaffinity(0))}")
if hasattr(os, "process_cpu_count"):
    print(f"for this process: os.process_cpu_count() says {os.process_cpu_count()}")
