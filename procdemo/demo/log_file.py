"""A file that is given as a log: its lines, whatever its encoding; and what it is if it is no log.

Logs travel: ``>`` of Windows PowerShell writes UTF-16 (about_Character_Encoding, PowerShell 5.1), editors add
a byte order mark, mail programs compress.
"""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

_MARKS = {  # the longer ones first: UTF-32's begins like UTF-16's
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"{\0\0\0": "utf-32-le",  # a log without a mark begins with an ASCII character (RFC 4627, section 3)
    b"\0\0\0{": "utf-32-be",
    b"{\0": "utf-16-le",
    b"\0{": "utf-16-be",
}
_PACKED = {
    b"\x1f\x8b": ("gzip", "gunzip -c"),
    b"BZh": ("bzip2", "bunzip2 -c"),
    b"\xfd7zXZ\0": ("xz", "xz -dc"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}
_LOOK, _HEAD = 1 << 24, 2_000  # of a file that is no log: bytes that are read, characters of its head
_SPREAD = "line 1: JSON, but not one event a line"
_ANEW = "record it anew, e.g. procdemo spawn --record run.jsonl"
_RECORD = "the file of --record, or of --json: procdemo COMMAND --record run.jsonl"


class DamagedLogError(ValueError):
    """A file is no log, or a line of it no event; the message names the line and what is wrong with it."""

    def __init__(self, message: str, hint: str = _ANEW) -> None:
        """Say what is wrong, and what to type; ``{file}`` in `hint` stands for the name of the file."""
        super().__init__(message)
        self.hint = hint


def lines_of(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a text file without their ends, as they come; by its mark in UTF-8, -16 or -32.

    Raises:
        DamagedLogError: bytes are no text in that encoding, or the file is compressed.
    """
    first = file.readline()
    for magic, (name, unpack) in _PACKED.items():
        if first.startswith(magic):
            hint = f"{unpack} {{file}} | procdemo replay -"
            raise DamagedLogError(f"line 1: compressed by {name}", hint)
    mark = next((mark for mark in _MARKS if first.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    number, text = 1, ""
    # In UTF-16 a piece that ends with the byte of a newline may end in the middle of a character; also the
    # last piece, if `head` or `tail` has cut it.
    for piece in chain([first], file):
        try:
            text += decoder.decode(piece)
        except UnicodeDecodeError:
            raise DamagedLogError(f"line {number}: not JSON (not {encoding.upper()})") from None
        *complete, text = text.split("\n")
        for line in complete:
            yield line.removeprefix("\ufeff")
            number += 1
    if text.removeprefix("\ufeff"):
        yield text.removeprefix("\ufeff")


def foreign_file(line: str, file: BinaryIO) -> DamagedLogError | None:
    """Return the error for a file whose first `line` is no event, if it can be seen what the file is instead.

    Args:
        line: the first line.
        file: what comes after it; read as far as it is worth a look.
    """
    begin = line.lstrip()[:1]
    if begin not in {"{", "[", "<"}:
        return None
    text = line + file.read(_LOOK).decode("utf-8", "replace").replace("\0", "")  # UTF-16, for ASCII
    head = text[:_HEAD].lstrip().lower()
    if begin == "<":
        what = "a page (HTML)" if "<html" in head else "an SVG picture" if "<svg" in head else "XML"
        return DamagedLogError(f"line 1: this is {what}, not a log", _RECORD)
    if '"traceEvents"' in text or (begin == "[" and '"ph":' in head.replace(" ", "")):
        return DamagedLogError("line 1: this is a trace for Perfetto, not a log", _RECORD)
    if line.strip() in {"{", "["}:
        each = "'.[]'" if begin == "[" else "."
        return DamagedLogError(_SPREAD, f"jq -c {each} {{file}} | procdemo replay -")
    return None
