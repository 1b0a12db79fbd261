"""A task raises an exception that hands all its arguments on."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


class HttpError(Exception):
    def __init__(self, url, status):
        super().__init__(url, status)  # pickle calls HttpError(*self.args)

    def __str__(self):
        return "{}: {}".format(*self.args)


def fetch(url):
    raise HttpError(url, 404)


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        try:
            pool.apply(fetch, ("python.org/nothing",))
        except HttpError as error:
            print(f"HttpError: {error}")
