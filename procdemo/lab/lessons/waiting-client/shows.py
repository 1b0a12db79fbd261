"""A pool of two serves three clients."""

import multiprocessing
import os
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def serve(connection):
    while data := connection.recv(1024):
        connection.sendall(data.upper() + b" from PID %d" % os.getpid())


if __name__ == "__main__":
    pool = mp.Pool(2)
    listener = socket.create_server(("127.0.0.1", 0))
    clients, connections = [], []
    for number in (1, 2, 3):
        clients.append(socket.create_connection(listener.getsockname()))
        connections.append(listener.accept()[0])  # kept until the end: a task takes it when it begins
        pool.apply_async(serve, (connections[-1],))
        clients[-1].sendall(b"client %d" % number)
    answers = [client.recv(1024).decode() for client in clients[:2]]
    print(*answers, sep="\n")
    clients[2].settimeout(0.3)
    try:
        print(clients[2].recv(1024).decode())
    except TimeoutError:
        print("client 3: connected and accepted, no answer; it waits in the pool's task queue")
    clients[0].close()
    clients[2].settimeout(None)
    answers.append(clients[2].recv(1024).decode())
    print(answers[2])
    print("by the process of client 1:", answers[2].split()[-1] == answers[0].split()[-1])
    pool.terminate()
