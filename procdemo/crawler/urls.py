"""Which page a link means: the part of the URL Standard (https://url.spec.whatwg.org) that a crawler needs.

``urllib.parse`` follows RFC 3986, where ``http:\\\\host``, ``http:/x`` and `` /x`` lead elsewhere than in a
browser. Parsers of the whole standard (ada-url, can_ada) are compiled, and have no wheels for a
Python that is new or free-threaded.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes

import webencodings

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_STRIPPED = "".join(map(chr, range(0x21)))  # C0 controls and the space, at both ends
_REMOVED = re.compile(r"[\t\n\r]")  # anywhere
_SURROGATES = re.compile("[\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PATH_SAFE = "/%:=@!$&'()*+,;~|[]"  # what need not be escaped; % because most is escaped already
_QUERY_SAFE = "/%:=@!$&()*+,;~|[]?\\^`{}"
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/:<>?@\[\\\]^|%]")
_IGNORED_IN_HOST = re.compile("[\u00ad\u200b\u2060\ufeff\ufe00-\ufe0f]")
_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(0*[0-9]{0,5}))?", re.ASCII)  # a host and perhaps a port
_DOTS = {".": ".", "%2e": ".", "..": "..", ".%2e": "..", "%2e.": "..", "%2e%2e": ".."}
_LONGEST = 2_000  # characters of one URL
_LARGEST_PORT = 65_535


def resolve(href: str, base: str, encoding: str = "utf-8") -> str | None:
    """Return the page that `href` on the page `base` leads to, in its one normal form.

    The normal form has no fragment and no default port, the host is in lower case, the path is
    escaped and has no dot segments. The result is None if it is no page of the web: mailto:,
    javascript:, nonsense, a URL with a user name or with more than 2,000 characters.

    Args:
        href: a link, as it is written.
        base: a URL in normal form; empty if there is none, so that `href` must be a whole URL.
        encoding: how the page is encoded; so is what is not ASCII in a query (URL Standard, 5.2).
    """
    href = _REMOVED.sub("", href.strip(_STRIPPED)).partition("#")[0]
    named = _SCHEME.match(href)
    if named and base.startswith(f"{named[1].lower()}:"):  # "http:x" is "x", on a page of http
        href = href[named.end() :]
        href = f"./{href}" if _SCHEME.match(href) else href
    if href and href[0] != "?":  # then only the folder of `base` matters; pages of a folder share many links
        base = base[: base.partition("?")[0].rfind("/") + 1]
    join = _join if len(href) <= _LONGEST else _join.__wrapped__  # not to be kept
    return join(href, base, encoding)


def origin(url: str) -> str:
    """Return the scheme, host and port of a URL in normal form."""
    return url[: url.index("/", len("https://"))]


def host_of(url: str) -> str:
    """Return the host of a URL in normal form; an IPv6 address without its brackets."""
    netloc = origin(url).partition("://")[2]
    return netloc[1:].partition("]")[0] if netloc[0] == "[" else netloc.partition(":")[0]


@lru_cache(maxsize=50_000)
def _join(href: str, base: str, encoding: str) -> str | None:
    if not href.isascii():
        href = _SURROGATES.sub("\ufffd", href)
    named = _SCHEME.match(href)
    scheme = (named[1].lower() if named else base).partition(":")[0]
    if scheme not in _DEFAULT_PORTS:
        return None
    path, _, query = (href[named.end() :] if named else href).partition("?")
    path = path.replace("\\", "/")
    start: str | None
    if named or path.startswith("//"):
        netloc, slash, path = path.lstrip("/").partition("/")
        start, path = _origin(scheme, netloc), slash + path
    else:
        start, folder = origin(base), base.partition("?")[0]
        if not path:
            path = folder[len(start) :]
            query = query if href else base[len(folder) + 1 :]
        elif path[0] != "/":
            path = folder[len(start) : folder.rfind("/") + 1] + path
    if start is None:
        return None
    url = start + (quote(_without_dots(path), safe=_PATH_SAFE) or "/")
    url += f"?{_escaped_query(query, encoding)}" if query else ""
    return url if len(url) <= _LONGEST else None


def _escaped_query(query: str, encoding: str) -> str:
    if query.isascii():
        return quote(query, safe=_QUERY_SAFE)
    known = webencodings.lookup(encoding)
    if known is None or known.name in {"utf-16le", "utf-16be", "replacement"}:
        known = webencodings.UTF8
    encoded = []
    for character in query:
        try:
            encoded.append(quote(known.codec_info.encode(character)[0], safe=_QUERY_SAFE))
        except UnicodeEncodeError:
            encoded.append(f"%26%23{ord(character)}%3B")
    return "".join(encoded)


def _without_dots(path: str) -> str:
    """Carry out ``.`` and ``..`` in a path, escaped ones too."""
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    dots = ""
    for segment in segments:
        dots = _DOTS.get(segment.lower(), "")
        if dots == "..":
            del kept[-1:]
        elif not dots:
            kept.append(segment)
    if dots:
        kept.append("")
    return "/" + "/".join(kept)


def _origin(scheme: str, netloc: str) -> str | None:
    """Return the normal form of a scheme, a host and a port, None if it is no origin, or has a user."""
    user, _, place = netloc.rpartition("@")
    parts = _PLACE.fullmatch(place)
    if parts is None or user not in {"", ":"}:
        return None
    name, port = parts[1], parts[2] and (parts[2].lstrip("0") or "0")
    host = _ipv6(name[1:-1]) if name[:1] == "[" else _host(name)
    if not host or (port and int(port) > _LARGEST_PORT):
        return None
    return f"{scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS[scheme] else "")


def _ipv6(text: str) -> str | None:
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    if mapped := address.ipv4_mapped:  # from Python 3.13 on, str() writes it with dots
        return f"[::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}]"
    return f"[{address}]"


def _host(text: str) -> str | None:
    """Return a host in ASCII ("host parser", 3.5), None if it is none."""
    if "%" in text:
        text = unquote_to_bytes(text).decode("utf-8", "replace")
    try:
        name = text.lower() if text.isascii() else ".".join(_ascii_labels(text))
    except UnicodeError:
        return None
    if not name or _FORBIDDEN_IN_HOST.search(name):
        return None
    last = name.removesuffix(".").rpartition(".")[2]
    if last.isdigit() or re.fullmatch("0x[0-9a-f]*", last):
        return _ipv4(name)
    return name


def _ascii_labels(text: str) -> Iterator[str]:
    """Yield the labels of a name as UTS 46 maps them; Python's "idna" asks for strasse instead of straße."""
    text = unicodedata.normalize("NFKC", _IGNORED_IN_HOST.sub("", text).replace("\u1e9e", "\u00df"))
    text = "".join(c if c in "\u00df\u03c2" else c.casefold() for c in text)
    for label in unicodedata.normalize("NFKC", text).replace("\u3002", ".").split("."):
        if not label.isascii() and label.startswith("xn--"):
            raise UnicodeError
        yield label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _ipv4(name: str) -> str | None:
    """Return an IPv4 address that is written in any of the old ways, e.g. 0x7f.1; None if it is none."""
    numbers = []
    for part in name.removesuffix(".").split("."):
        radix, digits = (16, part[2:] or "0") if part[:2] == "0x" else (8 if part[:1] == "0" else 10, part)
        try:
            numbers.append(int(digits, radix) if re.fullmatch("[0-9a-f]+", digits) else -1)
        except ValueError:
            return None
    *high, low = numbers
    size = 8 * (4 - len(high))
    if len(numbers) > 4 or not 0 <= low < 1 << size or not all(0 <= number < 256 for number in high):  # noqa: PLR2004
        return None
    value = sum(number << 8 * (3 - place) for place, number in enumerate(high)) + low
    return str(IPv4Address(value))
