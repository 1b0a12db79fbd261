"""The server of the notes, as one writes it on the first day: our fault tests must fail on it.

    python tests/tutorial_server.py process|pool|prefork --port 0 --workers 2

It is right in everything that a friendly client can see. It is wrong in what the tests of our
servers ask about: limits, signals, dead workers, hostile bytes, sockets that stay open.
"""

import argparse
import multiprocessing
import socket


def serve(conn):
    """Answer one client in upper case until it leaves."""
    while True:
        data = conn.recv(1024)
        if not data:
            break
        print(data.decode(), flush=True)
        conn.send(data.upper())
    conn.close()


def serve_with_processes(listener, _workers):
    """Start a process for each client; and forget that the main process has the socket, too."""
    processes = []
    while True:
        conn, _ = listener.accept()
        process = multiprocessing.Process(target=serve, args=(conn,))
        process.start()
        processes.append((process, conn))


def serve_with_a_pool(listener, workers):
    """Hand each client to a pool."""
    pool = multiprocessing.Pool(workers)
    while True:
        conn, _ = listener.accept()
        pool.apply_async(serve, (conn,))


def accept_and_serve(listener):
    """Be one of the workers, for ever."""
    while True:
        conn, _ = listener.accept()
        serve(conn)


def serve_with_prefork(listener, workers):
    """Let each of the workers accept."""
    children = [
        multiprocessing.Process(target=accept_and_serve, args=(listener,), daemon=True)
        for _ in range(workers)
    ]
    for worker in children:
        worker.start()
    for worker in children:
        worker.join()


VARIANTS = {"process": serve_with_processes, "pool": serve_with_a_pool, "prefork": serve_with_prefork}


def main():
    """Listen, say so, serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    listener.listen(128)
    print("listening", *listener.getsockname(), flush=True)
    VARIANTS[options.variant](listener, options.workers)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # noqa: TID251 - the default when tutorials were written
    main()
