"""On one host nothing is received before it was sent, and no task begins before it was handed out.

Each run of every demo in ``cli/test_cli_demos.py`` is looked at in this way: two hundred of them in
``make soak``. Here are runs made for it.
"""

import pytest
from harness import run
from order import assert_in_order

from procdemo.demo.events import Event

CLIENTS = ("--port", "0", "--stay", "0.02", "--clients")
RUNS = {
    "pool": ("pool-server", "-n2", *CLIENTS, "5"),
    "pool, many": ("pool-server", "-n3", *CLIENTS, "12"),
    "prefork": ("prefork-server", "-n2", *CLIENTS, "5"),
    "echo": ("echo-server", *CLIENTS, "5"),
    "thread": ("thread-server", "--threads", "2", *CLIENTS, "5"),
    "async": ("async-server", *CLIENTS, "5"),
    "selector": ("selector-server", "-n2", *CLIENTS, "5"),
    "supervise": ("supervise", "-n3", "--items", "60", "--work", "0"),
    "supervise, killed": ("supervise", "-n3", "--items", "60", "--work", "0.002", "--kill", "worker-0@0.05"),
    "crawl": ("crawl-callback", "-n2", "--max-pages", "8"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("args", RUNS.values(), ids=RUNS)
def test_no_effect_is_earlier_than_its_cause(args, start_method):
    result = run(*args, "--json", start_method=start_method, within=30)
    assert_in_order(result.assert_clean([0, 2] if "--kill" in args else 0))


class Told(list):
    """A run that is only its events."""

    @property
    def events(self):
        return list(self)

    def told(self):
        return ""


def event(kind, name, time_ns, role="main", **data):
    return Event(kind, name, data, time_ns, 1, 1, role)


HELLO = event("mark", "asks", 5, role="client-0", port=7)
NAME = "client-0 (port 7)"


@pytest.mark.parametrize(
    "events",
    [
        [event("send", "item", 9, id=1), event("receive", "item", 8, id=1)],
        [event("receive", "item", 8, id=1)],
        [HELLO, event("begin", "serve", 4, client=NAME)],
        [HELLO, event("begin", "serve", 9, client=NAME), event("mark", "answered", 8, role="client-0")],
        [HELLO, event("mark", "serves", 4, client=NAME)],
        [],
    ],
    ids=["too early", "never sent", "served too early", "answered too early", "told too early", "nothing"],
)
def test_the_oracle_sees_a_wrong_order(events):
    with pytest.raises(AssertionError, match=r"^O: "):
        assert_in_order(Told(events))
