"""A thread per client: all clients are served at once, all by one PID."""

import contextlib
import os
import signal
import socket
import sys
import threading

served = []  # all threads see it: they share the memory of the process


def serve(conn, client):
    served.append(client)
    me = f"PID {os.getpid()}, thread {threading.get_native_id()}"
    print(f"{me} serves client {client}, {len(served)} so far", flush=True)
    with conn, contextlib.suppress(ConnectionError):  # the client may be killed
        while data := conn.recv(1024):  # a piece of the stream; b"" is its end
            conn.sendall(data.upper())
    print(f"{me}: client {client} has left", flush=True)


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    # Ctrl-C kills the process, as SIGTERM does. One thread cannot be killed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    listener = socket.create_server(("127.0.0.1", port))
    print("listening", *listener.getsockname(), flush=True)
    while True:
        conn, (_, client) = listener.accept()
        threading.Thread(target=serve, args=(conn, client)).start()
        # No conn.close() here: the thread has no copy, it uses this one.
