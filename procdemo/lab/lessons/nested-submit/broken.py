"""A task hands in another one to its own executor, and waits for it."""

from concurrent.futures import ThreadPoolExecutor


def outer():
    future = executor.submit(inner)
    print("outer: waits for inner", flush=True)
    return future.result()


def inner():
    return "inner is done"


executor = ThreadPoolExecutor(1)
print("result:", executor.submit(outer).result())
