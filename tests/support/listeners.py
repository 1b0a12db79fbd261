"""Where processes listen, looked at from outside, in /proc."""

from pathlib import Path

from processes import sockets


def listening_tcp(pids: list[int]) -> set[str]:
    """Return the local addresses, as in /proc, on which one of `pids` listens."""
    inodes = {inode for pid in pids for inode in sockets(pid)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[9]) in inodes:
                found.add(fields[1])
    return found


def listening_unix(pids: list[int]) -> set[str]:
    """Return the paths of Unix sockets on which one of `pids` listens."""
    inodes = {inode for pid in pids for inode in sockets(pid)}
    lines = Path("/proc/net/unix").read_text("utf-8").splitlines()[1:]
    rows = [line.split() for line in lines]
    accepting = 0x10000  # __SO_ACCEPTCON
    return {row[7] for row in rows if len(row) > 7 and int(row[6]) in inodes and int(row[3], 16) & accepting}
