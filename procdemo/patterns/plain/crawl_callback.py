"""Workers download pages; a callback in the parent reads the links."""

import multiprocessing
from http import client, server
from os import getpid
from threading import Thread, current_thread

PAGES = {"/": "/a /b", "/a": "/c /", "/b": "/c", "/c": ""}  # a page: its links


class Site(server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + PAGES[self.path].encode())


def fetch(port, path):  # runs in a worker
    conn = client.HTTPConnection("127.0.0.1", port)
    conn.request("GET", path)
    return getpid(), path, conn.getresponse().read().decode()


def parse(page):  # runs in main. It must be short, because other results wait;
    pid, url, text = page  # and if it raised, the Pool would hang.
    links.update(text.split())
    print(f"{url}: PID {pid}, callback PID {getpid()}, {current_thread().name}")


if __name__ == "__main__":
    links, seen = {"/"}, set()
    pool = multiprocessing.Pool(2)  # before any thread: fork copies none
    site = server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=site.serve_forever, daemon=True).start()
    while new := links - seen:
        seen |= new
        args = [(site.server_port, path) for path in new]
        for task in [pool.apply_async(fetch, a, callback=parse) for a in args]:
            task.get()  # what fetch() returned, or its error; without: lost
    pool.close()  # no more tasks: the workers end
    pool.join()
