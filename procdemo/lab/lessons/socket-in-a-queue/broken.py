"""Puts ten connections into a queue, and closes each at once."""

import multiprocessing
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def serve(queue):
    while connection := queue.get():
        connection.sendall(b"hello")
        connection.close()


if __name__ == "__main__":
    queue = mp.Queue()
    server = mp.Process(target=serve, args=(queue,))
    server.start()
    clients = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(10):
            clients.append(socket.create_connection(listener.getsockname()))
            connection, _ = listener.accept()
            queue.put(connection)
            connection.close()
    queue.put(None)
    server.join()
    answers = [client.recv(1024) for client in clients]
    print(f"answers: expected 10, got {answers.count(b'hello')}")
