"""Two workers accept from one listener; client 3 waits in the kernel."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys


def accept_and_serve(listener):
    while True:
        # All idle workers wait here; the kernel gives a client to one of them.
        # If none is idle, the client waits in the kernel's backlog.
        conn, (_, client) = listener.accept()
        print(f"PID {os.getpid()} serves client {client}", flush=True)
        with conn, contextlib.suppress(ConnectionError):  # it may be killed
            while data := conn.recv(1024):  # a piece of it; b"" is its end
                conn.sendall(data.upper())
        print(f"PID {os.getpid()}: client {client} has left", flush=True)


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    listener = socket.create_server(("127.0.0.1", port))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the workers inherit this
    for _ in range(2):
        args = (listener,)
        worker = multiprocessing.Process(target=accept_and_serve, args=args)
        worker.daemon = True  # it ends with main, if main ends normally
        worker.start()
    # SIGTERM would kill main, and leave the workers as orphans: wait for it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    print("listening", *listener.getsockname(), flush=True)
    signal.sigwait(stop)
