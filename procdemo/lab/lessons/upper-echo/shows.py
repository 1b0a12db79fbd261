"""A server with a process per connection talks to three clients at once."""

import multiprocessing
import os
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def serve(connection):
    while data := connection.recv(1024):
        connection.sendall(data.upper() + b" from PID %d" % os.getpid())


if __name__ == "__main__":
    clients = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(3):
            clients.append(socket.create_connection(listener.getsockname()))
            connection, _ = listener.accept()
            mp.Process(target=serve, args=(connection,), daemon=True).start()
            connection.close()  # the child has its own copy
    for number in (3, 1, 2):  # in any order: all of them are connected
        client = clients[number - 1]
        client.sendall(b"hello from client %d" % number)
        print(client.recv(1024).decode())
