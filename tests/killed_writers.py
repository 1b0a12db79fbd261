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
import struct
import sys

from procdemo.channel import channel

# Native numbers are stored in one go ("=" would store them byte by byte, and be killed in between).
COUNTERS = struct.Struct("@QQ")


def filling(number):
    """Return what the record of this number must hold: up to nearly a whole PIPE_BUF."""
    return "x" * (number * 37 % 3900)


class Victim:
    """A writer, until it is killed; and what has arrived from it."""

    def __init__(self, writer, me, memory):
        self.arrived = 0
        self._memory = memory
        self._at = me * COUNTERS.size
        self.pid = os.fork()
        if self.pid == 0:
            for number in itertools.count(1):
                COUNTERS.pack_into(memory, self._at, number, number - 1)
                writer(("mark", "tick", me, number, filling(number)))
                COUNTERS.pack_into(memory, self._at, number, number)

    def written(self):
        """Return how many writes it began and how many it completed."""
        return COUNTERS.unpack_from(self._memory, self._at)


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
            begun, completed = victim.written()
            self.lost += not completed <= victim.arrived <= begun


def main(kills):
    """Kill so many, and print the account."""
    reader, writer = channel()
    account = Account(reader)
    with mmap.mmap(-1, (kills + 1) * COUNTERS.size) as memory:
        account.victims.append(Victim(writer, 0, memory))
        for me in range(1, kills + 1):
            account.victims.append(Victim(writer, me, memory))
            victim = account.victims[me - 1]
            while not victim.written()[1]:  # let it come to write, so that it is killed in the midst of it
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
