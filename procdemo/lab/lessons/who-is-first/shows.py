"""Who speaks first after start(), the parent or the child?"""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def speak(words):
    words.put("child")


if __name__ == "__main__":
    words = mp.SimpleQueue()
    first = []
    for _ in range(6):
        child = mp.Process(target=speak, args=(words,))
        child.start()
        words.put("parent")
        first.append(words.get())
        words.get()
        child.join()
    print(*first)
    print(f"the parent was first in {first.count('parent')} of 6 runs")
