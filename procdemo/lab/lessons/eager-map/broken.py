"""Takes one result of executor.map(), and counts how many inputs it has read."""

from concurrent.futures import ThreadPoolExecutor

read = 0


def lines():
    global read
    for number in range(500):  # as if from a file that is larger than the memory
        read += 1
        yield number


with ThreadPoolExecutor(2) as pool:
    results = pool.map(abs, lines())
    next(results)
    print("one result taken")
    print(f"inputs that did not wait: expected 0, got {read - 10}")
