"""A callback returns something, and its value is lost."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def download(url):
    return f"page of {url}"


def parse(page):
    print(f"callback got: {page}")
    return f"links in {page}"


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        result = pool.apply_async(download, ("python.org",), callback=parse)
        print(f"get() gives: {result.get()}")
