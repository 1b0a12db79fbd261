"""A pool of two serves two clients; client 3 is connected, and waits."""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import sys


def serve(conn, client):
    print(f"PID {os.getpid()} serves client {client}", flush=True)
    with conn, contextlib.suppress(ConnectionError):  # the client may be killed
        while data := conn.recv(1024):  # a piece of the stream; b"" is its end
            conn.sendall(data.upper())
    print(f"PID {os.getpid()}: client {client} has left", flush=True)


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    listener = socket.create_server(("127.0.0.1", port))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the workers inherit this
    pool = multiprocessing.Pool(2)
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())  # a signal makes wake readable
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    print("listening", *listener.getsockname(), flush=True)
    while wake not in select.select([listener, wake], [], [])[0]:
        conn, (_, client) = listener.accept()
        print(f"client {client} is connected", flush=True)
        # While main has its copy open, the client does not see the end. But the
        # Pool pickles the socket later: so close it when the task is done.
        close = lambda _, conn=conn: conn.close()
        # If both workers are busy, the task waits in the Pool's queue. If a
        # worker is killed, its task is lost, and its client waits for ever.
        pool.apply_async(serve, (conn, client), callback=close)
    pool.close()  # no more tasks; the end of main ends workers that are busy
