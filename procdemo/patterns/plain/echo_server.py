"""A process per client: all clients are served at once, each by its own PID."""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import sys


def serve(conn, client):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # fork copies main's handlers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # main notices Ctrl-C
    print(f"PID {os.getpid()} serves client {client}", flush=True)
    with conn, contextlib.suppress(ConnectionError):  # the client may be killed
        while data := conn.recv(1024):  # a piece of the stream; b"" is its end
            conn.sendall(data.upper())
    print(f"PID {os.getpid()}: client {client} has left", flush=True)


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    listener = socket.create_server(("127.0.0.1", port))
    # If a signal came just before accept(), accept() would wait on. So a signal
    # makes `wake` readable, and main waits for the listener and for it.
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    print("listening", *listener.getsockname(), flush=True)
    while wake not in select.select([listener, wake], [], [])[0]:
        conn, (_, client) = listener.accept()
        # start() also reaps the children that have ended: no zombies pile up.
        multiprocessing.Process(target=serve, args=(conn, client)).start()
        conn.close()  # while a copy is open, the client does not see the end
    for child in multiprocessing.active_children():
        child.kill()  # or main would wait until its client leaves
