"""Hands five connections to a pool, and closes each at once."""

import multiprocessing
import socket
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def serve(connection):
    connection.sendall(b"hello")
    connection.close()


if __name__ == "__main__":
    with mp.Pool(1) as pool, socket.create_server(("127.0.0.1", 0)) as listener:
        answers = []
        for _ in range(5):
            client = socket.create_connection(listener.getsockname())
            connection, _ = listener.accept()
            pool.apply_async(serve, (connection,))
            connection.close()
            answers.append(client.recv(1024))
    print(answers)
    print(f"answers: expected 5, got {answers.count(b'hello')}")
