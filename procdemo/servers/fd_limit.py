"""Descriptors for thousands of connections: each takes one, and a process may have only so many."""

from procdemo.demo.events import Emitter

STORY = {
    "few descriptors": "a worker has room for {possible} clients, not {wanted}: "
    "a process may have {limit} descriptors here (ulimit -Hn)",
}

_OTHERS = 32  # descriptors besides those of clients (uvloop: 23 on Python 3.14), and some to spare


def raise_fd_limit(clients: int, emit: Emitter) -> None:
    """Raise the soft limit of this process, and so of its children, to what so many clients need.

    Reports `few descriptors` when the hard limit, which only root can raise, is too low for that.
    """
    import resource  # noqa: PLC0415 - absent on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + _OTHERS
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if limit < wanted:
        emit.mark("few descriptors", limit=limit, wanted=clients, possible=max(limit - _OTHERS, 0))
