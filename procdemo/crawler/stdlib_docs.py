"""The documentation of the installed standard library, as a site: rendered by pydoc, page by page."""

import importlib
import pydoc
import re
import warnings
from html import escape
from importlib.util import find_spec
from threading import Lock
from typing import Any

# Pure or built-in modules that are quickly imported, do nothing when they are, and exist everywhere.
MODULES = (  # noqa: SIM905 - as a list it would take eighty lines
    "abc argparse array base64 binascii bisect builtins bz2 calendar cmath cmd code codecs codeop "
    "collections collections.abc colorsys configparser contextlib contextvars copy copyreg csv "
    "dataclasses decimal difflib dis email email.message enum errno fileinput filecmp fnmatch fractions "
    "functools gc getopt glob graphlib gzip hashlib heapq hmac html html.entities html.parser http "
    "http.client http.cookies http.server inspect io ipaddress itertools json json.decoder json.encoder "
    "keyword linecache locale lzma math mimetypes multiprocessing multiprocessing.pool "
    "multiprocessing.queues numbers operator os pickle pprint queue random re reprlib sched secrets "
    "select shelve shlex shutil signal socket socketserver stat statistics string struct tempfile "
    "textwrap threading time timeit token traceback types unicodedata urllib urllib.parse "
    "urllib.robotparser uuid warnings weakref zipfile zlib"
).split()
PRIVATE = "_weakrefset"
"""A module whose page is there and linked, and which robots.txt forbids."""

ROBOTS = "User-agent: *\nDisallow: /private/\n"

_LINK = re.compile(r'<a href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
_MODULE_LINK = re.compile(r"([\w.]+)\.html(?:#.*)?")
_ELSEWHERE = ("#", "http://", "https://")


class _Renderer(pydoc.HTMLDoc):
    """pydoc's, but of all variables it shows only the values of numbers: `os.environ` may hold secrets."""

    def docother(self, object: Any, name: Any = None, mod: Any = None, *ignored: Any) -> str:  # noqa: A002, ARG002
        value = repr(object) if type(object) in {int, float, bool} else f"{type(object).__name__} object"
        return f"<strong>{escape(name)}</strong> = {escape(value)}" if name else escape(value)


class StdlibDocs:
    """The pages; each is rendered once, when it is first asked for."""

    def __init__(self) -> None:
        self._modules = [name for name in MODULES if find_spec(name)]
        self._names = frozenset(self._modules)
        self._renderer = _Renderer()
        self._pages = {"/": self._index(), "/robots.txt": ROBOTS}
        self._lock = Lock()

    def page(self, path: str) -> str | None:
        """Return the HTML (or robots.txt) at `path`, None if there is no such page."""
        with self._lock:
            if path not in self._pages:
                name = path.removeprefix("/").removesuffix(".html")
                if path == f"/private/{PRIVATE}.html":
                    name = PRIVATE
                elif name not in self._names or not path.endswith(".html"):
                    return None
                self._pages[path] = self._render(name)
            return self._pages[path]

    def _index(self) -> str:
        links = [f'<li><a href="{name}.html">{name}</a>' for name in self._modules]
        links.append(f'<li><a href="private/{PRIVATE}.html">{PRIVATE}</a> (robots.txt forbids it)')
        return self._renderer.page("standard library", f"<h1>Standard library</h1><ul>{''.join(links)}</ul>")

    def _render(self, name: str) -> str:
        with warnings.catch_warnings():
            # pydoc reads each attribute, also those that are deprecated (zlib.__version__ from 3.15 on).
            warnings.simplefilter("ignore", DeprecationWarning)
            text = self._renderer.docmodule(importlib.import_module(name))
        return self._renderer.page(f"module {name}", _LINK.sub(self._keep, text))

    def _keep(self, link: re.Match[str]) -> str:
        """Return a link as it is if its page exists or is elsewhere, and only its text if not."""
        href, more, text = link.groups()
        module = _MODULE_LINK.fullmatch(href)
        if href == "." or (module and module[1] in self._names):
            return f'<a href="/{href.lstrip(".")}"{more}>{text}</a>'
        return link[0] if href.startswith(_ELSEWHERE) else text
