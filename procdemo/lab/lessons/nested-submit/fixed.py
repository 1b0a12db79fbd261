"""The caller hands in one task after the other, and no task waits."""

from concurrent.futures import ThreadPoolExecutor


def outer():
    return "outer is done"


def inner(text):
    print(text)
    return "inner is done"


executor = ThreadPoolExecutor(1)
text = executor.submit(outer).result()
print("result:", executor.submit(inner, text).result())
