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
    """Whether the command looks at its processes from outside: not if it measures time, or looks itself."""

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
        "Start a process in two ways; what its parent knows of it.",
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
        "Talk to a server: by hand, in a pipe, or as many clients.",
        starts_processes=False,
    ),
    Demo(
        "thread-server",
        "A thread per connection: one PID serves all clients.",
        limit=0,
        roles=("main", "client-N"),
    ),
    Demo(
        "pool-server",
        "N workers serve N clients; client N+1 connects and waits.",
        limit=0,
        before="procdemo.cli.tmux_panes",
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "prefork-server",
        "N workers, one listener; client N+1 waits in the kernel.",
        limit=0,
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "selector-server",
        "A few workers with event loops: ten thousand clients.",
        limit=0,
        roles=("main", "worker-N", "client-N"),
    ),
    Demo(
        "async-server",
        "One thread, one event loop, a coroutine for each client.",
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
        "Producers, a bounded queue, consumers; each item counted.",
        roles=("main", "producer-N", "consumer-N"),
    ),
    Demo(
        "supervise",
        "A pool that loses no item, even if a worker is killed.",
        roles=("main", "worker-N"),
    ),
    Demo(
        "race",
        "Two processes, one counter: 18 of 20 orders lose a count.",
        roles=("main", "A", "B"),
    ),
    Demo(
        "gil",
        "The same work in one thread, N threads, N processes.",
        roles=("main", "worker-N"),
    ),
    Demo(
        "lab",
        "Claims and classic mistakes: what is true on this Python.",
        limit=300.0,
        sampled=False,
        path="procdemo.lab.demo",
        before="procdemo.cli.lab_command",
    ),
)

BENCHES = (
    Demo(
        "bench servers",
        "What a client costs, for each design of a server.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.servers",
    ),
    Demo(
        "bench start",
        "What it costs to start a thread, a process, a Pool.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.start",
    ),
    Demo(
        "bench queues",
        "How many small items a second each kind of queue moves.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.queues",
    ),
    Demo(
        "bench pools",
        "What a pool costs per task, and when it is worth it.",
        limit=300.0,
        sampled=False,
        path="procdemo.bench.pools",
    ),
)
"""The commands of ``procdemo bench``."""

OTHER_COMMANDS = {
    "bench": "What each design costs on this machine, side by side.",
    "tour": "A tour of ten minutes: a question, a run, what you saw.",
    "list": "List the demos, one a line.",
    "source": "Print a demo as a plain script: the code to take home.",
    "replay": "Show a recorded run again, or draw it into files.",
    "watch": "Run your program, and say why it hangs if it does (Linux).",
    "xray": "Why does my program hang? One picture of it (Linux).",
    "quiz": "Homework: problems that a real run answers.",
    "compare": "Draw two demos on one axis of time.",
    "completion": "Print what makes a shell complete commands and options.",
    "help": "Show the help of a command; without a name, of procdemo.",
}
"""The commands that are no demos, in the order of the help page; the summary of each, word for word."""

CHAPTERS = {
    "Start here": ("tour", "spawn", "echo-server", "echo-client"),
    "Servers": ("thread-server", "pool-server", "prefork-server", "selector-server", "async-server"),
    "Pools and queues": ("crawl-callback", "prodcons", "supervise"),
    "What goes wrong": ("race", "gil", "lab"),
    "Your own program": ("watch", "xray"),
    "Measure and keep": ("compare", "bench", "quiz", "replay", "source", "list"),
    "Help": ("completion", "help"),
}
"""The parts of the first help page, and the commands in each."""


def find(name: str) -> Demo | None:
    """Return the demo called `name`; None if there is none."""
    return next((demo for demo in (*DEMOS, *BENCHES) if demo.name == name), None)
