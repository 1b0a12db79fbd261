"""Servers as one writes them by hand: no limits, no account, nothing that survives a fault.

    python benchmarks/server_rivals.py NAME [WORKERS]

Each answers in upper case, and prints its port. NAME is a function below.
"""

import asyncio
import multiprocessing
import os
import selectors
import signal
import socket
import sys


def talk(conn):
    """Answer one client until it leaves."""
    with conn:
        while data := conn.recv(65536):
            conn.sendall(data.upper())


def announce(listener):
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()


def prefork(listener, workers):
    for _ in range(workers):
        if os.fork() == 0:
            while True:
                talk(listener.accept()[0])
    announce(listener)
    signal.pause()


def process(listener, _):
    """Serve each client in a process of its own, as multiprocessing's beginners do."""
    announce(listener)
    while True:
        conn, _ = listener.accept()
        multiprocessing.Process(target=talk, args=(conn,), daemon=True).start()
        conn.close()


def pool(listener, workers):
    with multiprocessing.Pool(workers) as processes:
        announce(listener)
        while True:
            conn, _ = listener.accept()
            processes.apply_async(talk, (conn,))


def loop(listener, _):
    """Serve all in one loop; an answer that cannot be sent at once is lost."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    announce(listener)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                conn, _ = listener.accept()
                conn.setblocking(False)
                selector.register(conn, selectors.EVENT_READ, conn)
            elif data := key.data.recv(65536):
                key.data.send(data.upper())
            else:
                selector.unregister(key.data)
                key.data.close()


class Upper(asyncio.Protocol):
    """One client."""

    def connection_made(self, transport):  # noqa: D102
        self.transport = transport

    def data_received(self, data):  # noqa: D102
        self.transport.write(data.upper())


def protocol(listener, _):
    async def serve():
        server = await asyncio.get_running_loop().create_server(Upper, sock=listener)
        announce(listener)
        await server.serve_forever()

    asyncio.run(serve())


def uvloop(listener, workers):
    """As `protocol`, with uvloop (the extra bench)."""
    import uvloop  # noqa: PLC0415 - only here

    uvloop.install()
    protocol(listener, workers)


if __name__ == "__main__":
    name, workers = sys.argv[1], int((*sys.argv[2:], 8)[0])
    sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
    {each.__name__: each for each in (prefork, process, pool, loop, protocol, uvloop)}[name](sock, workers)
