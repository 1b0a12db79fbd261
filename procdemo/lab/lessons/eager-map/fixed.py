"""Takes one result of executor.map(), which reads at most ten inputs ahead."""

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

read = 0


def lines():
    global read
    for number in range(500):  # as if from a file that is larger than the memory
        read += 1
        yield number


with ThreadPoolExecutor(2) as pool:
    if sys.version_info >= (3, 14):
        results = pool.map(abs, lines(), buffersize=9)
    else:  # in batches
        source = lines()
        batches = iter(lambda: list(pool.map(abs, islice(source, 9))), [])
        results = (result for batch in batches for result in batch)
    next(results)
    print("one result taken")
    print(f"inputs that did not wait: expected 0, got {max(read - 10, 0)}")
