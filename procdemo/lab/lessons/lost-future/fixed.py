"""One of four tasks of an executor fails, and its future is asked."""

from concurrent.futures import ThreadPoolExecutor, as_completed

saved, failed = [], []


def save(number):
    saved.append(1 / number)


with ThreadPoolExecutor(2) as executor:
    futures = [executor.submit(save, number) for number in range(4)]
    for future in as_completed(futures):
        if error := future.exception():  # result() would raise it
            failed.append(error)
            print(f"failed: {error!r}")
print(f"saved or failed: expected 4, got {len(saved) + len(failed)}")
