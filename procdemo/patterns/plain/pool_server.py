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


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    listener = socket.create_server(("127.0.0.1", port))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the workers inherit this
    pool, conns = multiprocessing.Pool(2), []
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())  # a signal makes wake readable
    for signum in (signal.SIGINT, signal.SIGTERM):  # the second one kills main
        signal.signal(signum, lambda s, _: signal.signal(s, signal.SIG_DFL))
    print("listening", *listener.getsockname(), flush=True)
    while wake not in select.select([listener, wake], [], [])[0]:
        conn, (_, client) = listener.accept()
        print(f"client {client} is connected", flush=True)
        conns.append(conn)  # closed later: the Pool has not yet pickled it
        close = lambda _, conn=conn: conn.close()  # or the client sees no end
        pool.apply_async(serve, (conn, client), callback=close)
    for conn in conns:
        with contextlib.suppress(OSError):  # it is closed already
            conn.shutdown(socket.SHUT_RDWR)  # recv() gives b"": the task ends
    pool.close()  # and no terminate(): a worker that is killed may hold a lock,
    pool.join()  # and the Pool would wait for that lock for ever
