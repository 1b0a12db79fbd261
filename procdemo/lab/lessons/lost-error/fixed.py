"""One of four tasks fails, and is heard."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def invert(number):
    return 1 / number


if __name__ == "__main__":
    done, failed = [], []
    with mp.Pool(2) as pool:
        for number in range(4):
            pool.apply_async(invert, (number,), callback=done.append, error_callback=failed.append)
        pool.close()
        pool.join()
    print(f"failed: {failed}")
    print(f"expected 4, got {len(done) + len(failed)}")
