"""What a person does at the terminal of a program that pexpect has started."""

import termios

import pexpect
from waiting import wait_until


def press_key(child: pexpect.spawn, key: str) -> None:
    """Press a key once the program reads keys: what was typed before is thrown away (click, `getchar`)."""
    wait_until(lambda: not termios.tcgetattr(child.child_fd)[3] & termios.ICANON, what="it waits for a key")
    child.send(key)


def hang_up(child: pexpect.spawn) -> None:
    """Close the terminal, and no more: `child.close` sends signals of its own, and waits for 0.4 s only."""
    child.ptyproc.fileobj.close()
