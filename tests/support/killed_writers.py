"""Kill writers of one channel, again and again, at any moment, and account for every record.

    python tests/support/killed_writers.py 1500

At any time two processes write. The older one is killed, and a new one started. Each counts in shared memory
how many writes it has begun and how many it has completed: all completed records must arrive.
"""

import itertools
import mmap
import os
import select
import signal
import sys

from procdemo.process.record_pipe import channel

BEGUN, COMPLETED = 0, 1  # counters of a writer in shared memory


def filling(number):
    """Return the text of the record `number`: of any length up to nearly PIPE_BUF."""
    return "x" * (number * 37 % 3900)


class KilledWriter:
    """A process that writes until it is killed, and the number of its last record that has arrived."""

    def __init__(self, writer, me, counters):
        self.arrived = 0
        # An item of a memoryview is stored at once; struct.pack_into first clears the place.
        self.written = counters[2 * me : 2 * me + 2]
        self.pid = os.fork()
        if self.pid == 0:
            for number in itertools.count(1):
                self.written[BEGUN] = number
                writer(("mark", "tick", me, number, filling(number)))
                self.written[COMPLETED] = number


class Account:
    """What the reader has read."""

    def __init__(self, reader):
        self.torn = self.lost = 0
        self.writers = []
        self._reader = reader

    def read(self, wait):
        """Read what comes within `wait` seconds (None: for ever); return whether anything has come."""
        if not select.select([self._reader], [], [], wait)[0]:
            return False
        records = self._reader.read()
        for _, _, me, number, text in records or ():
            killed = self.writers[me]
            self.torn += text != filling(number)
            self.lost += number != killed.arrived + 1
            killed.arrived = number
        return records is not None

    def check_all(self):
        """Count writers whose last completed record has not arrived, or that have not begun what arrived."""
        for killed in self.writers:
            self.lost += not killed.written[COMPLETED] <= killed.arrived <= killed.written[BEGUN]


def main(kills):
    """Kill so many, and print the account."""
    reader, writer = channel()
    account = Account(reader)
    counters = memoryview(mmap.mmap(-1, (kills + 1) * 16)).cast("Q")
    account.writers.append(KilledWriter(writer, 0, counters))
    for me in range(1, kills + 1):
        account.writers.append(KilledWriter(writer, me, counters))
        killed = account.writers[me - 1]
        while not killed.written[COMPLETED]:  # let it begin to write, so that it is killed while it writes
            account.read(wait=0.001)
        os.kill(killed.pid, signal.SIGKILL)
        while not os.waitpid(killed.pid, os.WNOHANG)[0]:
            account.read(wait=0.001)
    os.kill(account.writers[-1].pid, signal.SIGKILL)
    os.waitpid(account.writers[-1].pid, 0)
    writer.close()
    while account.read(wait=None):
        pass
    account.check_all()
    arrived = sum(killed.arrived for killed in account.writers)
    print(f"killed {kills}, torn {account.torn}, lost {account.lost}, arrived {arrived}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
