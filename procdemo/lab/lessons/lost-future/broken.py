"""One of four tasks of an executor fails, and its future is not asked."""

from concurrent.futures import ThreadPoolExecutor

saved = []


def save(number):
    saved.append(1 / number)


with ThreadPoolExecutor(2) as executor:
    for number in range(4):
        executor.submit(save, number)
print(f"saved: expected 4, got {len(saved)}")
