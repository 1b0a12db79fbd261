"""What a thread that does not run waits for, by its system call and its wait channel (Linux).

The system call decides where it is known, because its arguments say more. The wait channel, the kernel
function in which the thread sleeps, decides for other calls and other machines. Its names change with the
kernel; these are of Linux 4 to 6. Both can be hidden from us (ptrace(2), "Ptrace access mode checking").
"""

import os
from typing import NamedTuple

from procdemo.demo.states import State
from procdemo.process.procfs import CALL_NAMES, Thread

_PRIVATE = 0x80  # FUTEX_PRIVATE_FLAG, futex(2): of one process; multiprocessing's semaphores are shared
_GIL_OPERATION = 0x89  # private FUTEX_WAIT_BITSET; the GIL's has a time-out by the monotonic clock

_BY_CALL = {
    "accept": State.WAITING,
    "clock_nanosleep": State.SLEEPING,
    "clone": State.BLOCKED,
    "connect": State.WAITING,
    "epoll_wait": State.WAITING,
    "fcntl": State.BLOCKED,  # F_SETLKW
    "flock": State.BLOCKED,
    "futex": State.BLOCKED,
    "open": State.WAITING,  # the other end of a FIFO
    "pause": State.WAITING,
    "poll": State.WAITING,
    "read": State.WAITING,
    "recvfrom": State.WAITING,
    "select": State.WAITING,
    "sendfile": State.BLOCKED,
    "sendto": State.BLOCKED,
    "sigtimedwait": State.WAITING,
    "wait4": State.BLOCKED,
    "waitid": State.BLOCKED,
    "write": State.BLOCKED,
}
_BY_CHANNEL = {
    State.SLEEPING: "hrtimer_nanosleep do_nanosleep",
    State.WAITING: "anon_pipe_read pipe_read pipe_wait_readable unix_stream_read_generic wait_woken "
    "do_epoll_wait ep_poll __skb_wait_for_more_packets inet_csk_accept poll_schedule_timeout "
    "do_wait_intr_irq do_sigtimedwait wait_for_partner",
    State.BLOCKED: "futex_do_wait futex_wait_queue futex_wait_queue_me anon_pipe_write pipe_write "
    "pipe_wait_writable sock_alloc_send_pskb do_wait locks_lock_inode_wait fcntl_setlk kernel_clone",
}
_CHANNELS = {name: state for state, names in _BY_CHANNEL.items() for name in names.split()}
_COUNT_ARGUMENT = {"poll": 2, "select": 1}  # which word of the file says how many descriptors are looked at


class Wait(NamedTuple):
    """What a thread waits for."""

    state: State
    call: str
    """The system call; if that is not known, the wait channel; empty if that is not known either."""
    reads: int = -1
    """The descriptor that it reads; -1 for none."""
    futex: int = 0
    """The address of the lock or semaphore at which it waits; 0 for none."""
    shared: bool = False
    """Whether other processes can have a share in that lock: a semaphore of multiprocessing."""
    perhaps_gil: bool = False
    """Whether it waits as for the GIL; the address says whether it is."""


STOPPED = Wait(State.STOPPED, "")
ZOMBIE = Wait(State.ZOMBIE, "")
ENDED = Wait(State.GONE, "")
UNKNOWN = Wait(State.WAITING, "")
"""It sleeps, and that is all that can be seen."""


def wait_of(folder: str, letter: str, syscall: bytes) -> Wait | None:
    """Return what a thread waits for; None if it is about to run, or to sleep.

    Args:
        folder: its folder below ``/proc/PID/task``.
        letter: its state in ``stat``: S, D, T, t, or Z.
        syscall: what its file ``syscall`` says; empty if that is hidden from us.
    """
    if letter in "Tt":
        return STOPPED
    if letter in "ZX":
        return ZOMBIE
    words = syscall.split()
    number = words[0].decode() if words else ""
    call = CALL_NAMES.get(int(number), "") if number.isdigit() else ""
    if call:
        return _by_call(call, letter, words)
    channel = read_once(f"{folder}/wchan").decode("utf-8", "replace").partition(".")[0]
    if channel in {"", "0"}:
        if number == "running":  # it is awake again
            return None
        return UNKNOWN if letter == "S" else UNKNOWN._replace(state=State.BLOCKED)
    state = State.BLOCKED if letter == "D" else _CHANNELS.get(channel, State.WAITING)
    return Wait(state, channel)


def state_of(thread: Thread) -> State:
    """Return the state of a thread that was looked at once (`procdemo.process.procfs.threads`)."""
    if thread.state in "TtZX":
        return State.STOPPED if thread.state in "Tt" else State.ZOMBIE
    if thread.state == "R":
        return State.COMPUTING
    if thread.state == "D":
        return State.BLOCKED
    if thread.call == "poll" and not thread.fds:
        return State.SLEEPING
    return _BY_CALL.get(thread.call) or _CHANNELS.get(thread.channel, State.WAITING)


def _by_call(call: str, letter: str, words: list[bytes]) -> Wait:
    state = _BY_CALL[call]
    if call == "futex":
        operation, has_timeout = int(words[2], 16), words[4] != b"0x0"
        perhaps_gil = operation == _GIL_OPERATION and has_timeout
        return Wait(state, call, -1, int(words[1], 16), not operation & _PRIVATE, perhaps_gil)
    if call in _COUNT_ARGUMENT and words[_COUNT_ARGUMENT[call]] == b"0x0":
        state = State.SLEEPING
    if letter == "D":  # a disk; or memory that is not there
        state = State.BLOCKED
    return Wait(state, call, int(words[1], 16) if call == "read" else -1)


def read_once(path: str) -> bytes:
    """Return the first 4,096 bytes of a file in ``/proc``; nothing if it is gone, or hidden from us."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)
