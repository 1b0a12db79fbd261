"""Crawl a host whose name leads to a public address, to a private one, to both, or later to another.

    unshare --user --map-root-user --net --mount python tests/names.py 8.8.8.8,127.0.0.1 LATER [OPTION]...

Needs a network and files of its own: there 8.8.8.8 is this machine, and /etc/hosts is ours. Unless LATER is
empty, the name leads there as soon as the first page has been requested. Prints as JSON which pages were
fetched, which failed and why, and how many connections the public and the private server got.
"""

import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import PROCDEMO
from web import Web, page

PUBLIC, PRIVATE = "8.8.8.8", "127.0.0.1"
NAME = "somebody.example"
_GET_FLAGS, _SET_FLAGS, _SET_ADDRESS = 0x8913, 0x8914, 0x8916  # netdevice(7)
_UP = 1


def make_network() -> None:
    """Bring the loopback interface up, and give it a public address as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, _GET_FLAGS, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", answer)[1] | _UP
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags))
        address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(PUBLIC))
        fcntl.ioctl(sock, _SET_ADDRESS, address)


def main() -> None:
    """Crawl, and report."""
    addresses, later, *options = sys.argv[1:]
    make_network()
    with tempfile.NamedTemporaryFile("w") as hosts:

        def lead_to(addresses: str) -> None:
            Path(hosts.name).write_text("".join(f"{each} {NAME}\n" for each in addresses.split(",")), "ascii")

        lead_to(addresses)
        subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)
        links = [f"/{number}" for number in range(20)]

        def hub(conn: socket.socket, _: object) -> None:
            if later:
                lead_to(later)
            conn.sendall(page("hub", links))

        pages = {"/": hub, **{link: page("public") for link in links}}
        with (
            Web(pages, address=(PUBLIC, 0)) as public,
            Web({path: page("secret") for path in pages}, address=(PRIVATE, public.port)) as private,
        ):
            args = ("crawl-callback", f"http://{NAME}:{public.port}/", "--json", "--workers", "3", *options)
            done = subprocess.run([*PROCDEMO, *args], stdout=subprocess.PIPE, text=True, check=False)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            outcomes = [event["data"] for event in events if event["name"] == "page"]
            report = {
                "titles": sorted({page["title"] for page in outcomes if page["fate"] == "done"}),
                "why": sorted({page["why"] for page in outcomes if "why" in page}),
                "public": public.connections,
                "private": private.connections,
            }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
