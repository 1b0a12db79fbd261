"""Whole numbers and short texts among the attributes of a Python object in another process, which runs on.

From the address of an object the values are found that its attributes have, without their names: a value
alone says little, and the caller must know which one it looks for. CPython keeps the attributes of a plain
object as an array of pointers (Include/internal/pycore_dict.h, pycore_object.h; names as there):

- 3.13 on, if the type has INLINE_VALUES: in the object, behind its header. Four bytes tell the size of the
  array and how many are used; behind it is a byte for each used one, its index.
- 3.11, 3.12: elsewhere. The pointer to it is 4 (3.11) or 3 words (3.12, then odd) before the object, or in
  the dictionary of the object. The byte 2 before the array tells how many are used; their indexes are before
  that, the first one last.

Nothing is found in a free-threaded build.
"""

from contextlib import suppress

from procdemo.probe.semlock_memory import Memory

_INT, _STR = b"int\0", b"str\0"
_DIGITS_AT = 24
_LENGTH_AT = 16
_TEXT_AT = (40, 48)
"""Where the characters of a text of ASCII are: from 3.12 on, in 3.11 (Include/cpython/unicodeobject.h)."""
_LONGEST = 64
_FLAGS_AT = 168
_INLINE_VALUES = 1 << 2
_VALUES_AT = 40  # in a dictionary
_MOST = 30  # attributes in an array: SHARED_KEYS_MAX_SIZE


def numbers(pid: int, address: int) -> set[int]:
    """Return the whole numbers from 1 to 2**30 - 1 among the attributes of the object at this address."""
    with suppress(OSError), Memory(pid) as memory:
        found = (_number(memory, memory.word(place)) for place in _places(memory, address))
        return {number for number in found if 0 < number < 1 << 30}
    return set()


def texts(pid: int, address: int) -> list[str]:
    """Return the texts among the attributes of an object, in the order in which these were set first.

    Texts of more than 64 characters, or with others than printable ones of ASCII, are left out.
    """
    with suppress(OSError), Memory(pid) as memory:
        found = (_text(memory, memory.word(place)) for place in _places(memory, address))
        return [text for text in found if text]
    return []


def _places(memory: Memory, address: int) -> list[int]:
    """Return where the pointers to the attributes of an object are, in the order in which these were set."""
    if memory.word(memory.word(address + 8) + _FLAGS_AT) & _INLINE_VALUES:
        array = address + 24
        capacity, used, _, is_valid = memory.read(address + 16, 4) or bytes(4)
        indexes = memory.read(array + 8 * capacity, used if is_valid else 0)
    else:
        dictionary = memory.word(address - 24)
        if dictionary & 1:
            array = dictionary + 1
        else:
            array = memory.word(dictionary + _VALUES_AT) if dictionary else memory.word(address - 32)
        used = int.from_bytes(memory.read(array - 2, 1), "little")
        indexes = memory.read(array - 2 - used, used)[::-1]
    return [array + 8 * index for index in indexes if index < _MOST]


def _number(memory: Memory, address: int) -> int:
    """Return the whole number at this address; 0 if there is none, or one of more than 30 bits."""
    if memory.type_name(address, len(_INT)) != _INT:
        return 0
    return memory.word(address + _DIGITS_AT) & 0xFFFFFFFF


def _text(memory: Memory, address: int) -> str:
    """Return the text at this address; empty if there is none, or none that is short and plain."""
    length = memory.word(address + _LENGTH_AT)
    if memory.type_name(address, len(_STR)) == _STR and 0 < length <= _LONGEST:
        for place in _TEXT_AT:
            characters = memory.read(address + place, length + 1)
            text = characters[:length].decode("latin-1")
            if characters[length:] == b"\0" and text.isascii() and text.isprintable():
                return text
    return ""
