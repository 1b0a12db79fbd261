"""Puts ten connections into a queue, and closes them when all were taken."""

import multiprocessing
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def serve(queue):
    while connection := queue.get():
        connection.sendall(b"hello")
        connection.close()
        queue.task_done()


if __name__ == "__main__":
    queue = mp.JoinableQueue()
    server = mp.Process(target=serve, args=(queue,))
    server.start()
    clients, connections = [], []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(10):
            clients.append(socket.create_connection(listener.getsockname()))
            connections.append(listener.accept()[0])
            queue.put(connections[-1])
    queue.join()
    for connection in connections:
        connection.close()
    queue.put(None)
    server.join()
    answers = [client.recv(1024) for client in clients]
    print(f"answers: expected 10, got {answers.count(b'hello')}")
