"""Descriptors that a forked child must not keep (POSIX.1-2024's ``FD_CLOFORK``; Linux has none)."""

import os
from typing import Any


class CloseOnFork:
    """Sockets and the like that a child made by fork closes at once.

    Otherwise a child keeps a port in use, or keeps a connection open that its parent has closed.
    """

    def __init__(self, *members: Any) -> None:
        """Close the descriptors of `members` in each child; they have ``fileno()``, and are hashable."""
        self._members: set[Any] = set(members)
        os.register_at_fork(after_in_child=self._close)

    def add(self, member: Any) -> None:
        """Do not let children keep `member` from now on."""
        self._members.add(member)

    def discard(self, member: Any) -> None:
        """Let children that are started from now on inherit `member`."""
        self._members.discard(member)

    def _close(self) -> None:
        # Neither the members' close() nor suppress(): every object that is touched costs the child a page.
        for member in self._members:
            try:  # noqa: SIM105
                os.close(member.fileno())
            except (AttributeError, ValueError, OSError):  # no descriptor, closed, or a kqueue: not inherited
                pass
