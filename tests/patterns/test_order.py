"""On one host nothing is received before it was sent, and no task begins before it was handed out.

Each run of every demo in ``cli/test_cli_demos.py`` is looked at in this way: two hundred of them in
``make soak``. Here are runs made for it.
"""

import pytest
from harness import run
from order import assert_depths, assert_in_order

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


def many_runs():
    """Two hundred runs: of each demo one for ``make test``, and each with other numbers."""
    runs = {
        "prodcons": "--items 30 --work 0 --maxsize {few} --producers {some} --consumers {others}",
        "pool-server": "--port 0 --stay 0 --workers {some} --clients {many}",
        "supervise": "--work 0 --items 30 --workers {some}",
        "crawl-callback": "--max-pages {many} --workers {some}",
    }
    for number in range(50):
        numbers = {
            "few": 1 + number % 5,
            "some": 1 + number % 3,
            "others": 1 + number % 4,
            "many": 2 + number % 7,
        }
        for demo, options in runs.items():
            marks = pytest.mark.thorough if number else ()
            yield pytest.param(demo, options.format_map(numbers).split(), marks=marks, id=f"{demo} {number}")


@pytest.mark.parametrize(("demo", "options"), list(many_runs()))
def test_in_two_hundred_runs_nothing_arrives_before_it_was_sent(demo, options):
    result = run(demo, "--json", "--no-sample", *options, within=30).assert_clean()
    assert_in_order(result)
    if demo == "prodcons":
        assert_depths(result, int(options[options.index("--maxsize") + 1]))


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


def depth(value, time_ns, role):
    return event("count", "in the queue", time_ns, role=role, value=value)


ONE_BUN = [depth(1, 1, "producer-0"), depth(0, 2, "consumer-0")]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [depth(2, 1, "producer-0"), depth(0, 2, "consumer-0")],
        [depth(-1, 1, "consumer-0"), depth(0, 2, "producer-0")],
        [
            *ONE_BUN,
            *[depth(1, 9, "producer-0")] * 2,
            *[depth(0, 10, "consumer-0")] * 2,
            depth(1, 11, "producer-0"),
        ],
        [*[depth(3, 9, "producer-0")] * 5, *[depth(0, 10, "consumer-0")] * 5],
        ONE_BUN[:1],
    ],
    ids=["nothing", "too deep", "less than nothing", "not all taken", "not counted", "never taken"],
)
def test_the_oracle_sees_a_wrong_depth(events):
    assert_depths(Told(ONE_BUN), 1)
    with pytest.raises(AssertionError, match=r"^O: "):
        assert_depths(Told(events), 1)
