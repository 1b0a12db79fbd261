"""The encoding of an HTML page: named by its first bytes, by the header of the answer, or by itself."""

import codecs
import re

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_META_BYTES = 1024  # where <meta charset> must be (HTML Standard, 4.2.5.4)
_NO_CHARSETS = {"utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"}
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def as_utf8(body: bytes, content_type: str) -> bytes:
    """Return an HTML body as valid UTF-8; what its encoding does not allow becomes U+FFFD."""
    for mark, encoding in _BOMS.items():
        if body.startswith(mark):
            return _recode(body[len(mark) :], encoding)
    named = _CHARSET.search(content_type) or _CHARSET.search(body[:_META_BYTES].decode("latin-1"))
    return _recode(body, named[1] if named else "utf-8")


def _recode(body: bytes, encoding: str) -> bytes:
    try:
        name = codecs.lookup(encoding).name
        if name not in _NO_CHARSETS | {"utf-8"}:
            return body.decode(name, "replace").encode("utf-8", "replace")
    except (LookupError, ValueError):  # not known, or no encoding of text ("hex", "zlib")
        pass
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode("utf-8")
    return body
