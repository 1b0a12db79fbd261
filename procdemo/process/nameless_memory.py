"""Memory that several processes share, and that has no name: it ends with the last of them."""

import os
import sys


def nameless_memory(size: int) -> int:
    """Return a descriptor of `size` bytes, all zero, for `mmap.mmap`.

    Raises:
        OSError: there is no descriptor left, or no memory.
    """
    if sys.platform == "linux":
        fd = os.memfd_create("procdemo")
    else:
        import tempfile  # noqa: PLC0415 - imports random, whose hooks make every fork dearer

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
