"""Reads to the end of the message: here that is the end of the line."""

import socket

with socket.create_server(("127.0.0.1", 0)) as listener:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()

client.sendall(b"x" * 2999 + b"\n")
message = server.makefile("rb").readline()
print(f"bytes: expected 3000, got {len(message)}")
