"""Whole numbers among the attributes of a Python object in another process, read without stopping it.

From the address of an object the numbers are found that its attributes have, without their names. It is
tried where CPython keeps attributes: the pointer to them is 4 or 3 words before the object (3.11, 3.12), or
they are in the object itself (3.13 on); Include/internal/pycore_object.h. What is found is an ``int`` by the
name of its type, so what is no attribute is left out; but a number alone says little, and the caller must
know which one it looks for. In a free-threaded build nothing is found.
"""

from collections.abc import Iterator
from contextlib import suppress

from procdemo.probe.semlock_memory import Memory

_TYPE_NAME = b"int\0"
_MOST = 24  # attributes that are looked at
_DIGITS_AT = 24
_TAGS = 7  # the lowest bits of an address


def numbers(pid: int, address: int) -> set[int]:
    """Return the whole numbers from 1 to 2**30 - 1 among the attributes of the object at this address."""
    with suppress(OSError), Memory(pid) as memory:
        return set(_numbers(memory, address))
    return set()


def _numbers(memory: Memory, address: int) -> Iterator[int]:
    places = [memory.word(address - 32), memory.word(address - 24) & ~_TAGS, address + 16]
    for place in places:
        for index in range(_MOST if place else 0):
            pointer = memory.word(place + 8 * index)
            if not pointer & _TAGS and memory.type_name(pointer, len(_TYPE_NAME)) == _TYPE_NAME:
                value = memory.word(pointer + _DIGITS_AT) & 0xFFFFFFFF
                if 0 < value < 1 << 30:
                    yield value
