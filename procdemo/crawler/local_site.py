"""A web site of our own: a real HTTP server on a free port of 127.0.0.1, in a process of its own."""

import mimetypes
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from html import escape
from http.server import BaseHTTPRequestHandler
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext
from pathlib import Path
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote

from procdemo.crawler.stdlib_docs import StdlibDocs
from procdemo.demo.events import Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process.children import Children
from procdemo.process.exit_status import report_exit
from procdemo.process.selector_loop import SelectorLoop

STORY = {
    "serving": "serves {what} on port {port} of 127.0.0.1",
    "site died": "the process of the site, PID {child_pid}, has ended, {cause}: no more pages",
}
DETAIL = {"site killed": "{by} has ended the process of the site, PID {child_pid}"}

_START_S = 20.0  # for the process to start, import and listen


class Answer(NamedTuple):
    """What the server says to a request."""

    status: int
    content_type: str
    content: bytes | Path
    location: str = ""


_NOT_FOUND = Answer(404, "text/html; charset=utf-8", b"<title>Not found</title><p>There is no such page.\n")


def _failed(error: Exception) -> Answer:
    text = f"<title>Error</title><p>This page cannot be made: {escape(f'{type(error).__name__}: {error}')}\n"
    return Answer(500, "text/html; charset=utf-8", text.encode("utf-8", "replace"))


def stdlib_site() -> Callable[[str], Answer]:
    """Return a site with the documentation of the standard library."""
    docs = StdlibDocs()

    def answer(path: str) -> Answer:
        text = docs.page(path)
        if text is None:
            return _NOT_FOUND
        kind = "text/plain" if path == "/robots.txt" else "text/html"
        return Answer(200, f"{kind}; charset=utf-8", text.encode("utf-8", "replace"))

    return answer


def folder_site(folder: Path) -> Callable[[str], Answer]:
    """Return a site with the files of `folder`; files outside of it are not found, also not by a link."""
    root = os.path.realpath(folder)

    def answer(path: str) -> Answer:
        if "\0" in path or ".." in path.split("/"):
            return _NOT_FOUND
        file = os.path.realpath(os.path.join(root, path.lstrip("/")))  # noqa: PTH118 - text, not yet a path
        if os.path.commonpath([root, file]) != root:
            return _NOT_FOUND
        with suppress(OSError):
            mode = os.stat(file).st_mode  # noqa: PTH116 - likewise
            if stat.S_ISDIR(mode):
                if not path.endswith("/"):
                    return Answer(301, "text/plain", b"", quote(f"/{path.strip('/')}/"))
                return answer(path + "index.html")
            if stat.S_ISREG(mode) and not path.endswith("/"):
                kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
                return Answer(200, kind, Path(file))
        return _NOT_FOUND

    return answer


class _Server(ThreadingTCPServer):
    """A thread for each connection; writes nothing to stderr if a connection fails."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, site: Callable[[str], Answer], latency: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = site
        self.latency = latency

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore an error of one connection: the crawler reports it."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD, any number of times over one connection."""

    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True  # head and body are two writes; the second must not wait for an ACK
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer with head and body; 500 if there is such a page and it cannot be made or read."""
        if self.server.latency:
            time.sleep(self.server.latency)  # noqa: TID251 - like a site that is far away
        path = unquote(self.path.partition("?")[0].partition("#")[0])
        file = None
        try:
            answer = self.server.site(path)
            if isinstance(answer.content, Path):
                file = answer.content.open("rb")
        except Exception as error:  # noqa: BLE001 - whatever it is: a client must not wait for an answer in vain
            answer = _failed(error)
        content = answer.content
        try:
            size = os.fstat(file.fileno()).st_size if file else len(content)  # type: ignore[arg-type]
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(size))
            if answer.location:
                self.send_header("Location", answer.location)
            self.end_headers()
            if self.command == "GET":
                if file:
                    self.wfile.flush()
                    self.connection.sendfile(file)
                else:
                    self.wfile.write(content)  # type: ignore[arg-type]
        finally:
            if file:
                file.close()

    def do_HEAD(self) -> None:
        """Answer with the head."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - likewise
        """Write no log: the crawler reports what it gets."""


def serve_site(folder: Path | None, latency: float, report: Connection, emit: Emitter) -> None:
    """Serve `folder`, or else the documentation of the standard library, until killed; `report` the port.

    Each answer takes `latency` seconds at least.
    """
    with _Server(folder_site(folder) if folder else stdlib_site(), latency) as server:
        port = server.server_address[1]
        emit.mark("serving", what=str(folder or "the standard library's documentation"), port=port)
        report.send(port)
        report.close()
        server.serve_forever()


class Site:
    """The running site, as a context manager."""

    def __init__(
        self,
        context: ForkContext,
        folder: Path | None,
        loop: SelectorLoop,
        emit: Emitter,
        latency: float = 0.0,
    ) -> None:
        """Start it; it accepts connections on return. The end of its process is reported, while `loop` runs.

        Raises:
            CannotRunError: `folder` is not one, or the server does not start.
        """
        if folder and not folder.is_dir():
            raise CannotRunError(
                f"no such folder: {folder}", "--site with a folder of HTML pages", exit_code=2
            )
        self._processes = Children(loop, partial(report_exit, emit, kind="site"))
        receiver, sender = context.Pipe(duplex=False)
        args = (folder, latency, sender, emit)
        self._processes.start(context.Process(target=serve_site, args=args, name="site", daemon=True))
        sender.close()
        try:
            with receiver:
                port = receiver.recv() if receiver.poll(_START_S) else None
        except EOFError:
            port = None
        if port is None:
            raise CannotRunError("the site's process did not start", "--debug for what it said")
        self.url = f"http://127.0.0.1:{port}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.kill_all()
