"""Clients come in a row to a pool, each stays for its time; print in which order they leave."""

import multiprocessing as mp
import sys
import time


def stay(client, seconds):
    time.sleep(seconds)
    return client


if __name__ == "__main__":
    workers, *stays = sys.argv[1:]
    left = []
    with mp.Pool(int(workers)) as pool:
        for _ in pool.imap_unordered(str, range(int(workers) * 8)):
            pass  # the workers are up
        for client, seconds in enumerate(map(float, stays), start=1):
            pool.apply_async(stay, (client, seconds), callback=left.append)
        pool.close()
        pool.join()
    print(*left)
