"""The encoding of a page, as the web has it: by its first bytes, the header of the answer, or itself.

The labels are those of the Encoding Standard (package webencodings), so ``iso-8859-1`` means
windows-1252. What a page says of itself counts only in a ``<meta>`` element, not in a comment or a
script: so its first bytes are parsed as HTML, instead of searched. This differs from the prescan
of the HTML Standard (13.2.3.2) in that a ``<meta>`` inside of a script or a title is none.
"""

import codecs
import re
from collections.abc import Iterator

import webencodings
from selectolax.lexbor import LexborHTMLParser

_META_BYTES = 1024  # where <meta charset> must be (HTML Standard, 4.2.5.4)
_SPACE = "\t\n\f\r "
_VALUES = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|$))+', re.DOTALL)
_TYPE = re.compile(r"[!#$%&'*+.^_`|~\w-]+/[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_PARAMETER = re.compile(r';[\t\n\r ]*([^;="]+)=(?:"((?:[^"\\]|\\.)*)"?[^;]*|([^;]*))', re.DOTALL)
_CONTENT_CHARSET = re.compile(
    rf"charset[{_SPACE}]*=[{_SPACE}]*(?:\"([^\"]*)\"|'([^']*)'|([^\"'{_SPACE};][^{_SPACE};]*))", re.IGNORECASE
)
_XML_ENCODING = re.compile(r"<\?xml[^>]*?encoding[\0- ]*=[\0- ]*(?:\"([^\">]*)\"|'([^'>]*)')")
_UTF_16_XML = {b"<\0?\0x\0": "utf-16le", b"\0<\0?\0x": "utf-16be"}
_IN_PAGE = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}
_CODECS = {"gbk": "gb18030"}  # its decoder, in the Encoding Standard (10.1.1)


def media_type(header: str) -> tuple[str, str]:
    """Return the type and the charset that a Content-Type names, e.g. ``("text/html", "koi8-r")``.

    Several headers, joined by commas, are read as browsers do (Fetch Standard, "extract a MIME
    type"). Both results are empty if there is no valid type.
    """
    kind = charset = ""
    for value in _VALUES.findall(header):
        essence = value.partition(";")[0].strip(_SPACE).lower()
        if essence == "*/*" or not _TYPE.fullmatch(essence):
            continue
        named = (
            quoted or plain for name, quoted, plain in _PARAMETER.findall(value) if name.lower() == "charset"
        )
        charset = next(named, "") or (charset if essence == kind else "")
        kind = essence
    return kind, charset


def as_utf8(body: bytes, charset: str) -> tuple[bytes, str]:
    """Return an HTML body as valid UTF-8, and the name of the encoding that it had.

    What the encoding does not allow becomes U+FFFD.

    Args:
        body: the page; a byte order mark at its begin wins over all.
        charset: what the header of the answer says; empty if it says nothing.
    """
    encoding = webencodings.lookup(charset) or _declared(body[:_META_BYTES]) or webencodings.UTF8
    text, encoding = webencodings.decode(body, _CODECS.get(encoding.name, encoding))
    if encoding is webencodings.UTF8 and "\ufffd" not in text:  # it was valid
        return body.removeprefix(codecs.BOM_UTF8), encoding.name
    return text.encode("utf-8", "replace"), encoding.name


def without_mark(body: bytes) -> str:
    """Return the text of a robots.txt: UTF-8 (RFC 9309, 2.2), unless a byte order mark says UTF-16."""
    text: str = webencodings.decode(body, webencodings.UTF8)[0]
    return text


def _declared(head: bytes) -> webencodings.Encoding | None:
    """Return the encoding that a page says it has; None if it says nothing that is known."""
    if label := _UTF_16_XML.get(head[:6]):
        return webencodings.lookup(label)
    for label in _labels(head.decode("latin-1")):
        if encoding := webencodings.lookup(label):
            return webencodings.lookup(_IN_PAGE.get(encoding.name, encoding.name))
    return None


def _labels(head: str) -> Iterator[str]:
    for meta in LexborHTMLParser(head).css("meta") if "charset" in head.lower() else ():
        attributes = meta.attributes
        if "charset" in attributes:
            yield attributes["charset"] or ""
        elif (attributes.get("http-equiv") or "").lower() == "content-type":
            named = _CONTENT_CHARSET.search(attributes.get("content") or "")
            yield next(filter(None, named.groups()), "") if named else ""
    if named := _XML_ENCODING.match(head):
        yield named[1] or named[2] or ""
