"""Pickles an item before it is put, where the error can be caught."""

import multiprocessing
import pickle


def put(queue, item):
    pickle.dumps(item)  # raises here and now, not in the feeder thread
    queue.put(item)


if __name__ == "__main__":
    queue = multiprocessing.JoinableQueue()
    try:
        put(queue, lambda: 1)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        print(f"not put: {error}")
    queue.join()
    print("all has been consumed")
