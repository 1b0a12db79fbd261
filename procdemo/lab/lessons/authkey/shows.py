"""A listener lets in each client that has the key."""

import multiprocessing
import sys
from multiprocessing.connection import Client, Listener

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def call(address):
    for key in (b"a guess", mp.current_process().authkey):
        try:
            with Client(address, authkey=key) as connection:
                print("client:", connection.recv())
        except multiprocessing.AuthenticationError as error:
            print(f"client: AuthenticationError: {error}")


if __name__ == "__main__":
    key = mp.current_process().authkey
    print(f"the key has {len(key)} bytes")
    with Listener(family="AF_UNIX", authkey=key) as listener:
        client = mp.Process(target=call, args=(listener.address,))
        client.start()
        try:
            listener.accept()
        except multiprocessing.AuthenticationError as error:
            refused = str(error)
        with listener.accept() as connection:
            connection.send("welcome")
        client.join()
    print(f"server: AuthenticationError: {refused}")
