"""A server that fails its clients in the way it is told: our client must notice each of them.

    python tests/faulty_server.py silent
    python tests/faulty_server.py answer 68656c6c6f

Says ``listening HOST PORT``, then ``accepted`` for each client. It talks to each in a thread of
its own, so that it can fail many at once.
"""

import contextlib
import select
import socket
import struct
import sys
import threading

REFUSAL = b"procdemo: 100 clients are connected already (--max-connections)\n"
DRIP_S = 0.05


def to_the_end(conn):
    while conn.recv(65536):
        pass


def upper(conn):
    while data := conn.recv(65536):
        conn.sendall(data.upper())


def bytewise(conn):
    """Right, but in as many pieces as there are bytes."""
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := conn.recv(65536):
        for byte in data.upper():
            conn.sendall(bytes([byte]))


def store(conn):
    """Right, but hear the whole message, of so many bytes, before answering."""
    data = bytearray()
    while len(data) < int(sys.argv[2]):
        data += conn.recv(65536)
    conn.sendall(data.upper())
    to_the_end(conn)


def first_then(fault):
    """Answer one recv() rightly, then fail."""

    def behave(conn):
        conn.sendall(conn.recv(65536).upper())
        fault(conn)

    return behave


def silent(conn):
    to_the_end(conn)


def half(conn):
    """Answer the half of it, then be silent."""
    data = conn.recv(65536)
    conn.sendall(data[: len(data) // 2].upper())
    to_the_end(conn)


def drip(conn):
    """Be never silent, and never done."""
    for byte in conn.recv(65536).upper():
        if select.select([conn], [], [], DRIP_S)[0]:
            return
        conn.sendall(bytes([byte]))


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close_at_once(conn):
    conn.shutdown(socket.SHUT_WR)
    to_the_end(conn)


def close_early(conn):
    """Answer all but the last byte."""
    conn.sendall(conn.recv(65536).upper()[:-1])


def close_unasked(conn):
    """Close after the first answer without waiting for more messages; not so hard as to reset."""
    conn.sendall(conn.recv(65536).upper())
    conn.shutdown(socket.SHUT_WR)
    to_the_end(conn)


def echo(conn):
    """The classic: not in upper case."""
    while data := conn.recv(65536):
        conn.sendall(data)


def stale(conn):
    """Answer each message with the answer to the one before."""
    last = None
    while data := conn.recv(65536):
        conn.sendall((last or data).upper())
        last = data


def extra(conn):
    """One byte too many, in the same segment."""
    while data := conn.recv(65536):
        conn.sendall(data.upper() + b"!")


def extra_at_the_end(conn):
    upper(conn)
    conn.sendall(b"bye")


def unasked(conn):
    """Speak first, like many a server that is not ours."""
    conn.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    to_the_end(conn)


def never_close(conn):
    upper(conn)
    threading.Event().wait()


def refuse(conn):
    conn.sendall(REFUSAL)


def refuse_in_pieces(conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = conn.recv(65536)
    for byte in data.upper()[:2] + REFUSAL:
        conn.sendall(bytes([byte]))
    to_the_end(conn)


def answer(conn):
    """Answer with the bytes that were ordered."""
    conn.recv(65536)
    conn.sendall(bytes.fromhex(sys.argv[2]))


BEHAVIOUR = {
    "second-silent": first_then(silent),
    "second-reset": first_then(reset),
    "second-echo": first_then(echo),
    "second-refuse": first_then(refuse),
}


def talk(conn, behave):
    with contextlib.suppress(OSError), conn:
        behave(conn)


def main():
    behave = BEHAVIOUR.get(sys.argv[1]) or globals()[sys.argv[1].replace("-", "_")]
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print("listening", *listener.getsockname(), flush=True)
        while True:
            conn, _ = listener.accept()
            print("accepted", flush=True)
            threading.Thread(target=talk, args=(conn, behave), daemon=True).start()


if __name__ == "__main__":
    main()
