"""Sends each line to a server, and reads until the whole answer is there."""

import signal
import socket
import sys


def receive(conn, size):
    """TCP is a stream: what was sent at once may arrive in many pieces."""
    data, pieces = b"", 0
    while len(data) < size:
        piece = conn.recv(1024)
        if not piece:  # the end of the stream
            raise ConnectionError("the server has closed the connection")
        data += piece
        pieces += 1
    return data, pieces


if __name__ == "__main__":
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it, silently
    try:
        with socket.create_connection(("127.0.0.1", port)) as conn:
            print("connected; type lines, and Ctrl-D at the end", flush=True)
            for line in sys.stdin.buffer:
                conn.sendall(line)  # send() might take a part only
                answer, pieces = receive(conn, len(line))
                print(answer.decode(errors="replace"), end="")
                print(f"{len(line)} bytes in {pieces} pieces", flush=True)
            conn.shutdown(socket.SHUT_WR)  # the server's recv() now gives b""
            if conn.recv(1) == b"":  # the server has closed its side, too
                print("the server has said goodbye")
    except ConnectionError as error:  # no server, or it has gone
        sys.exit(f"error: {error}")
