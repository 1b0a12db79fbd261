"""One thread, one event loop by hand: many clients, and none waits."""

import contextlib
import os
import signal
import socket
import sys
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector


def answer(conn):
    with contextlib.suppress(ConnectionError):  # the client may be killed
        data = conn.recv(1024)  # a piece of the stream; b"" is its end
        conn.sendall(data.upper())
        return data


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it, silently
    listener = socket.create_server(("127.0.0.1", port))
    print("listening", *listener.getsockname(), flush=True)
    selector = DefaultSelector()
    selector.register(listener, EVENT_READ)
    while True:
        for key, events in selector.select():  # waits for all clients at once
            conn = key.fileobj
            if conn is listener:
                conn, (_, client) = listener.accept()
                selector.register(conn, EVENT_READ)
                print(f"PID {os.getpid()} serves client {client}", flush=True)
            elif events == EVENT_READ:  # is there room for the answer, too?
                selector.modify(conn, EVENT_WRITE)  # a client may read nothing
            elif answer(conn):
                selector.modify(conn, EVENT_READ)
            else:
                selector.unregister(conn)
                conn.close()
