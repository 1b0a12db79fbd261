"""Check what a page costs to parse, in a worker, which may be killed meanwhile.

Most pages take time and memory in proportion to their size, but a page can be made to take
minutes and gigabytes: 60,000 nested <div> take lexbor 5 s, and 1,000 unclosed <b> before 1,000
<p> make a million elements, because the HTML Standard wants them reopened in each ("reconstruct
the active formatting elements", 13.2.4.3). A thread that parses such a page cannot be interrupted.
"""

import os
import time

from selectolax.lexbor import LexborHTMLParser

_SECONDS = 1.0  # of CPU time that parsing a page may take
_MEMORY = 256 << 20  # bytes
_SMALL_BYTES, _SMALL_TAGS = 30_000, 500  # a page below both cannot take more than 0.1 s and 32 MiB


class TooCostlyError(Exception):
    """A page takes too long to parse, or too much memory."""


def check_parse_cost(html: bytes) -> None:
    """Parse `html`, and throw the result away.

    Raises:
        TooCostlyError: it takes more than 1 s of CPU time, or 256 MiB.
    """
    if len(html) < _SMALL_BYTES and html.count(b"<") < _SMALL_TAGS:
        return
    import resource  # noqa: PLC0415 - absent on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = time.process_time()
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_size_of_this_process() + _MEMORY, hard))
        LexborHTMLParser(html)
    except Exception as error:  # noqa: BLE001 - selectolax says only that it cannot
        raise TooCostlyError(f"cannot be parsed in {_MEMORY >> 20} MiB: {error}") from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    if time.process_time() - before > _SECONDS:
        raise TooCostlyError(f"takes more than {_SECONDS} s to parse")


def _size_of_this_process() -> int:
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - twice as fast
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # macOS has no /proc, and does not enforce the limit either
        return 1 << 40
