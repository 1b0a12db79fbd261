"""A child changes four things; three of them are shared with its parent on purpose."""

import multiprocessing
import sys
from multiprocessing.shared_memory import SharedMemory

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def change(numbers, value, array, block):
    numbers[0] = 7
    value.value = 7
    array[0] = 7
    block.buf[0] = 7
    block.close()


if __name__ == "__main__":
    numbers = [0]
    value = mp.Value("i", 0)
    array = mp.Array("i", [0])
    block = SharedMemory(create=True, size=1)
    child = mp.Process(target=change, args=(numbers, value, array, block))
    child.start()
    child.join()
    print(f"list: {numbers[0]}")
    print(f"Value: {value.value}")
    print(f"Array: {array[0]}")
    print(f"SharedMemory: {block.buf[0]}")
    block.close()
    block.unlink()
