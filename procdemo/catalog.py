"""The ordered list of demos: the name, the summary and the module of each, and what it needs."""

from typing import NamedTuple


class Demo(NamedTuple):
    """One demo: one command, one module."""

    name: str
    summary: str
    """First line of the module's docstring, word for word; spelled here so that help imports nothing."""
    starts_processes: bool = True
    """If it does, it needs what only a POSIX system has."""
    limit: float = 60.0
    """Default of ``--timeout`` in seconds; 0 for none."""

    sampled: bool = True
    """Whether the command looks at its processes from outside; not where a demo measures time itself."""

    path: str = ""
    """Its module, if it is not one of the patterns."""
    before: str = ""
    """Module with ``prepare(config, view)``, which the command calls before a run: it returns the settings
    for the run, or None if nothing is to be run."""

    roles: tuple[str, ...] = ()
    """The names of its processes, ``worker-N`` for all that are numbered; none if they are not known."""

    @property
    def module(self) -> str:
        """The dotted name of its module, for `importlib`."""
        return self.path or f"procdemo.patterns.{self.name.replace('-', '_')}"

    @property
    def twin(self) -> str:
        """The file of its plain twin in ``patterns/plain``; empty if it is not one of the patterns."""
        return "" if self.path else f"{self.name.replace('-', '_')}.py"


DEMOS = (
    Demo(
        "spawn",
        "Two ways to start a process, and what a parent knows of its child.",
        roles=("main", "child-N"),
    ),
    Demo(
        "echo-server",
        "A process per connection, answering in upper case.",
        limit=0,
        roles=("main", "handler-N", "client-N"),
    ),
    Demo(
        "echo-client",
        "Talk to a server: by hand, in a pipe, or as many clients at once.",
        starts_processes=False,
    ),
    Demo(
        "thread-server",
        "A thread per connection: all threads share one PID.",
        limit=0,
        roles=("main", "client-N"),
    ),
    Demo(
        "pool-server",
        "N workers serve N clients; client N+1 is connected and waits.",
        limit=0,
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "prefork-server",
        "N workers accept from one listener; client N+1 waits in the kernel.",
        limit=0,
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "selector-server",
        "A few workers, an event loop in each: ten thousand clients, and none waits.",
        limit=0,
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "async-server",
        "One thread, one event loop, and a coroutine for each client: asyncio.",
        limit=0,
        roles=("main", "client-N"),
    ),
    Demo(
        "crawl-callback",
        "Workers download, the callback in the parent parses.",
        roles=("main", "worker-N", "site"),
    ),
    Demo(
        "prodcons",
        "Producers, a bounded queue, consumers, and an account of every item.",
        roles=("main", "producer-N", "consumer-N"),
    ),
    Demo(
        "supervise",
        "A pool that never hangs and never loses an item, even if a worker is killed.",
        roles=("main", "worker-N"),
    ),
    Demo(
        "race",
        "Two processes, three steps each: of twenty orders eighteen lose an update.",
        roles=("main", "A", "B"),
    ),
    Demo(
        "gil",
        "The same work in one thread, N threads, N processes: who gains, who is late.",
        roles=("main", "worker-N"),
    ),
    Demo(
        "lab",
        "Claims and classic mistakes run for real: what is true on this Python.",
        limit=300.0,
        path="procdemo.lab.demo",
        before="procdemo.cli.lab_command",
    ),
)

BENCHES = (
    Demo(
        "bench servers",
        "Stevens' table for today's Python: what a client costs, by design of the server.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.servers",
    ),
    Demo(
        "bench start",
        "What it takes to start a thread, a process, a Pool; and what an idle one weighs.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.start",
    ),
    Demo(
        "bench queues",
        "How many small items a second go from producers to consumers, by what.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.queues",
    ),
    Demo(
        "bench pools",
        "What a pool costs for a task, by how it is handed over; and when a pool pays.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.pools",
    ),
)
"""The commands of ``procdemo bench``."""


def find(name: str) -> Demo | None:
    """Return the demo called `name`; None if there is none."""
    return next((demo for demo in (*DEMOS, *BENCHES) if demo.name == name), None)
