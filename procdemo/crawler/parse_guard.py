"""Parse a page within limits, in a worker, which may be killed meanwhile.

Most pages take time and memory in proportion to their size, but a page can be made to take
minutes and gigabytes: 60,000 nested <div> take lexbor 5 s, and 1,000 unclosed <b> before 1,000
<p> make a million elements, because the HTML Standard wants them reopened in each ("reconstruct
the active formatting elements", 13.2.4.3). A thread that parses such a page cannot be interrupted. So the
parent parses no page of a stranger, unless it is so small that it does no harm.
"""

import os
import time

from procdemo.crawler.outline import Outline, read_outline

_SECONDS = 1.0  # of CPU time that parsing a page may take
_MEMORY = 256 << 20  # bytes
_SMALL_BYTES, _SMALL_TAGS = 30_000, 500  # a page below both cannot take more than 0.1 s and 32 MiB


class TooCostlyError(Exception):
    """A page takes too long to parse, or too much memory."""


def is_harmless(html: bytes) -> bool:
    """Return whether a page is so small that it may be parsed anywhere."""
    return len(html) < _SMALL_BYTES and html.count(b"<") < _SMALL_TAGS


def read_guarded(html: bytes) -> Outline:
    """Parse a page, and return its outline.

    Raises:
        TooCostlyError: it takes more than 1 s of CPU time, or 256 MiB.
    """
    import resource  # noqa: PLC0415 - absent on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = time.process_time()
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_size_of_this_process() + _MEMORY, hard))
        outline = read_outline(html)
    except Exception as error:  # noqa: BLE001 - selectolax says only that it cannot
        raise TooCostlyError(f"cannot be parsed in {_MEMORY >> 20} MiB: {error}") from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    if time.process_time() - before > _SECONDS:
        raise TooCostlyError(f"takes more than {_SECONDS} s to parse")
    return outline


def _size_of_this_process() -> int:
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - twice as fast
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # macOS has no /proc, and does not enforce the limit either
        return 1 << 40
