"""Which socket is connected to which: TCP from /proc/PID/net, Unix sockets from the kernel's sock_diag.

Sources: proc(5), /proc/net/tcp; sock_diag(7), unix_diag with UDIAG_SHOW_PEER.
"""

import os
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from procdemo.process import procfs

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_DUMP = 0x300 | 1  # NLM_F_DUMP | NLM_F_REQUEST
_DONE, _ERROR = 3, 2
_SHOW_NAME_AND_PEER = 0x1 | 0x4
_NAME, _PEER = 0, 2
_LISTEN_UNIX, _LISTEN_TCP, _SYN_SENT = 10, 10, 2
_HEADER, _UNIX, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBIII"), struct.Struct("=HH")


class Socket(NamedTuple):
    """A socket, as the kernel knows it."""

    peer: str = ""
    """Its other end on this machine, e.g. ``socket:[4711]``; empty if that is elsewhere, or not known."""
    listens: bool = False
    here: str = ""
    """Its own address, e.g. ``127.0.0.1:8080``; empty if it has none."""
    there: str = ""
    """The address at the other end."""
    connects: bool = False
    """Whether it has asked for a connection, and has no answer yet."""


def sockets(pid: int) -> dict[str, Socket]:
    """Return the sockets of the network that a process sees, by name, e.g. ``socket:[4711]``.

    Unix sockets are there only if that network is ours.
    """
    found = {**_tcp(pid, "tcp", socket.AF_INET), **_tcp(pid, "tcp6", socket.AF_INET6)}
    with suppress(OSError):
        if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            found.update(_unix())
    return found


def _tcp(pid: int, table: str, family: int) -> dict[str, Socket]:
    lines = procfs.read(f"/proc/{pid}/net/{table}").decode().splitlines()[1:]
    rows = [row for row in map(str.split, lines) if row[9] != "0"]  # without a process: e.g. TIME_WAIT
    by_ends = {(row[1], row[2]): f"socket:[{row[9]}]" for row in rows}
    return {
        f"socket:[{row[9]}]": Socket(
            by_ends.get((row[2], row[1]), ""),
            int(row[3], 16) == _LISTEN_TCP,
            _address(row[1], family),
            _address(row[2], family),
            int(row[3], 16) == _SYN_SENT,
        )
        for row in rows
    }


def _address(text: str, family: int) -> str:
    """Return an address of /proc/net/tcp, whose words of 32 bits have the machine's byte order."""
    host, _, port = text.partition(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    name = socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))
    name = name.removeprefix("::ffff:")
    return f"[{name}]:{int(port, 16)}" if ":" in name else f"{name}:{int(port, 16)}"


def _unix() -> dict[str, Socket]:
    found: dict[str, Socket] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(1.0)
        request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOW_NAME_AND_PEER, 0, 0)
        netlink.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) + request)
        while True:
            answer = netlink.recv(2**18)
            while len(answer) >= _HEADER.size:
                size, kind, *_ = _HEADER.unpack_from(answer)
                if kind in {_DONE, _ERROR} or size < _HEADER.size:
                    return found
                inode, entry = _unix_socket(answer[_HEADER.size : size])
                found[f"socket:[{inode}]"] = entry
                answer = answer[(size + 3) & ~3 :]


def _unix_socket(message: bytes) -> tuple[int, Socket]:
    _, _, state, _, inode, _, _ = _UNIX.unpack_from(message)
    peer, name, at = "", "", _UNIX.size
    while at + _ATTRIBUTE.size <= len(message):
        size, kind = _ATTRIBUTE.unpack_from(message, at)
        if size < _ATTRIBUTE.size:
            break
        value = message[at + _ATTRIBUTE.size : at + size]
        if kind == _PEER and (number := int.from_bytes(value[:4], "little")):
            peer = f"socket:[{number}]"
        elif kind == _NAME:
            name = value.rstrip(b"\0").decode("utf-8", "backslashreplace").replace("\0", "@")
        at += (size + 3) & ~3
    return inode, Socket(peer, state == _LISTEN_UNIX, name)
