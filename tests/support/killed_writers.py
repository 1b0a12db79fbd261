"""Kill writers of one channel, again and again, wherever they are, and account for every record.

    python tests/killed_writers.py 1500

Two write at any time. The older one is killed and another takes its place. Each counts in
shared memory how many writes it began and how many it completed: all completed must arrive.
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
    """Return what the record of this number must hold: up to nearly a whole PIPE_BUF."""
    return "x" * (number * 37 % 3900)


class Victim:
    """A writer, until it is killed; and what has arrived from it."""

    def __init__(self, writer, me, counters):
        self.arrived = 0
        # A number of a memoryview is stored in one go; struct.pack_into clears the place first.
        self.written = counters[2 * me : 2 * me + 2]
        self.pid = os.fork()
        if self.pid == 0:
            for number in itertools.count(1):
                self.written[BEGUN] = number
                writer(("mark", "tick", me, number, filling(number)))
                self.written[COMPLETED] = number


class Account:
    """What the reader has seen."""

    def __init__(self, reader):
        self.torn = self.lost = 0
        self.victims = []
        self._reader = reader

    def take_in(self, wait):
        """Read what is there, or what comes within `wait` seconds; return whether anything was."""
        if not select.select([self._reader], [], [], wait)[0]:
            return False
        records = self._reader.read()
        for _, _, me, number, text in records or ():
            victim = self.victims[me]
            self.torn += text != filling(number)
            self.lost += number != victim.arrived + 1
            victim.arrived = number
        return records is not None

    def settle(self):
        """Count what was completed and has not arrived, and what has arrived and was never begun."""
        for victim in self.victims:
            self.lost += not victim.written[COMPLETED] <= victim.arrived <= victim.written[BEGUN]


def main(kills):
    """Kill so many, and print the account."""
    reader, writer = channel()
    account = Account(reader)
    counters = memoryview(mmap.mmap(-1, (kills + 1) * 16)).cast("Q")
    account.victims.append(Victim(writer, 0, counters))
    for me in range(1, kills + 1):
        account.victims.append(Victim(writer, me, counters))
        victim = account.victims[me - 1]
        while not victim.written[COMPLETED]:  # let it come to write, so that it is killed in the midst of it
            account.take_in(wait=0.001)
        os.kill(victim.pid, signal.SIGKILL)
        while not os.waitpid(victim.pid, os.WNOHANG)[0]:
            account.take_in(wait=0.001)
    os.kill(account.victims[-1].pid, signal.SIGKILL)
    os.waitpid(account.victims[-1].pid, 0)
    writer.close()
    while account.take_in(wait=None):
        pass
    account.settle()
    arrived = sum(victim.arrived for victim in account.victims)
    print(f"killed {kills}, torn {account.torn}, lost {account.lost}, arrived {arrived}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
