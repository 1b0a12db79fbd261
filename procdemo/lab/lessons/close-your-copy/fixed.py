"""Hands a connection to a child, and closes its own copy."""

import multiprocessing
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def serve(connection):
    connection.sendall(b"good bye")
    connection.close()


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    connection, _ = listener.accept()
    child = mp.Process(target=serve, args=(connection,))
    child.start()
    connection.close()
    child.join()
    print(f"child: exit code {child.exitcode}")
    while data := client.recv(1024):
        print(f"client: {data.decode()}")
    print("client: that was the end")
