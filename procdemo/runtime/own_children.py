"""The children of the command that belong to a demo; others are from the shell that this process has been."""

import os

from procdemo.process import procfs, subreaper
from procdemo.process.guardian import Guardian


class OwnChildren:
    """The demo's main process, the guardian, and orphans that this process adopts from the demo."""

    def __init__(self) -> None:
        """Note which children there are already; they are inherited."""
        self._inherited = set(procfs.children(os.getpid()))
        self.status: int | None = None
        """How the main process has ended: its exit status, or the negative number of a signal."""

    def belong_to(self, main: int, guardian: Guardian) -> None:
        """Say which is the main process, and by which guardian the demo's processes are marked."""
        self._main, self._guardian = main, guardian

    def reap(self) -> bool:
        """Wait for children that have ended, adopted ones too; return whether any are left."""
        ended, are_left = subreaper.reap()
        self.status = ended.get(self._main, self.status)
        return are_left

    def are_left(self) -> bool:
        """Return whether any of the demo are left; to be asked if any are left at all."""
        return not self._inherited or any(map(self.include, procfs.children(os.getpid())))

    def include(self, pid: int) -> bool:
        """Return whether a child belongs to the demo; others are inherited, or were adopted from those."""
        return not self._inherited or pid == self._main or self._guardian.guards(pid)
