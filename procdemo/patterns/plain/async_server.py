"""One thread, one event loop, and a coroutine for each client."""

import asyncio
import contextlib
import os
import signal
import sys


async def serve(reader, writer):
    client = writer.get_extra_info("peername")[1]
    print(f"PID {os.getpid()} serves client {client}", flush=True)
    with contextlib.suppress(ConnectionError):  # the client may be killed
        # At each await the other clients have their turn. If this coroutine
        # computed for a second, all others would wait for a second.
        while data := await reader.read(1024):  # b"" is the end of the stream
            writer.write(data.upper())  # keeps what cannot be sent yet;
            await writer.drain()  # this waits if that is too much
    writer.close()
    print(f"PID {os.getpid()}: client {client} has left", flush=True)


async def main():
    port = int(sys.argv[1]) if sys.argv[1:] else 8080
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("listening", *server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it, silently
    asyncio.run(main())
