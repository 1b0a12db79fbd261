"""Keys that a program reads one by one."""

import termios

import pexpect
from waiting import wait_until


def press_key(child: pexpect.spawn, key: str) -> None:
    """Press a key once the program reads keys: what was typed before is thrown away (click, `getchar`)."""
    wait_until(lambda: not termios.tcgetattr(child.child_fd)[3] & termios.ICANON, what="it waits for a key")
    child.send(key)
