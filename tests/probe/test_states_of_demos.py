"""What the events of kind `state` say of the demos is what an oracle sees, which reads /proc for itself."""

import signal
import subprocess
from types import SimpleNamespace

import pytest
from conversations import echo_server
from harness import Command, run
from oracle import is_of_demo
from selection import only
from state_accounts import accounts, contradictions, disagreements, lanes_of
from state_oracle import Seen, StateOracle

from procdemo.catalog import find
from procdemo.demo.contract import load
from procdemo.demo.events import Event
from procdemo.demo.story import compose
from procdemo.process import procfs
from procdemo.render.timeline import lanes

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

# By demo: its options, and the states that have most of the time of these roles.
DEMOS = {
    "echo-server": (
        "--port 0 --clients 3 --stay 1",
        {"handler-": {"waiting"}, "client-": {"sleeping"}},
    ),
    "pool-server": (
        "--port 0 --clients 3 --stay 1",
        {"worker-": {"waiting"}, "client-": {"sleeping", "waiting"}},
    ),
    "spawn": ("--work 1", {"child-": {"sleeping"}}),
    "prodcons": (
        "--items 12 --maxsize 2 --work 0.2 --producers 1 --consumers 1",
        {"consumer-": {"sleeping"}, "producer-": {"blocked"}},
    ),
    "supervise": ("--items 8 --work 0.2", {"worker-": {"sleeping"}, "main": {"waiting"}}),
    "supervise --stuck 7": ("--items 8 --work 0.02 --item-deadline 1", {"worker-": {"sleeping", "waiting"}}),
    "thread-server": ("--port 0 --clients 3 --stay 1", {"main": {"waiting"}}),
    "async-server": ("--port 0 --clients 3 --stay 1", {"main": {"waiting"}}),
    "crawl-callback": ("--max-pages 20", {"worker-": {"waiting"}}),
    "gil": ("--work wait --seconds 0.4", {"main": {"waiting"}, "worker-": {"sleeping", "waiting"}}),
    "gil --work cpu": ("--seconds 0.15", {}),
    "prefork-server": ("--port 0 --workers 2 --clients 3 --stay 1", {"worker-": {"waiting"}}),
    "selector-server": ("--port 0 --workers 2 --clients 3 --stay 1", {"worker-": {"waiting"}}),
    "race": ("", {}),
}
ESSENTIAL = {"prodcons"}
BELIEVED_OTHERWISE = {"spawn", "thread-server", "async-server", "crawl-callback", "gil", "prefork-server"}
"""Demos whose own bars, the lanes of schema 1, say other things."""


@pytest.mark.parametrize("demo", only(ESSENTIAL, DEMOS))
def test_the_states_of_a_demo_are_those_that_an_oracle_sees(demo, start_method):
    options, expected = DEMOS[demo]
    with StateOracle() as oracle:
        result = run(*demo.split(), "--json", *options.split(), start_method=start_method)
        result.assert_clean(1 if "--stuck" in demo else 0)
    assert not disagreements(result.log, oracle)
    assert not contradictions(lanes_of(result.log), oracle)
    if demo in BELIEVED_OTHERWISE:
        believed = lanes(result.events, compose(load(find(demo).module)).lanes)
        late = max(seen.late for seen in oracle.threads.values())  # then it is not sure of any cell
        assert late > 0.2 or contradictions(believed, oracle, 0.3, least=1), (
            "a lane that is not true is not noticed"
        )
    main_threads = [account for account in accounts(result.log).values() if account.pid == account.tid]
    for role, states in expected.items():
        of_role = [account for account in main_threads if account.role.startswith(role)]
        assert of_role, (role, [account.role for account in main_threads])
        for account in of_role:
            calm = {s: t for s, t in account.seconds.items() if s not in {"computing", "ready", "starting"}}
            assert max(calm, key=calm.get) in states, (account, states)


@pytest.mark.thorough
def test_the_states_of_a_hundred_processes_are_those_that_an_oracle_sees():
    with StateOracle() as oracle:
        result = run("echo-server", "--json", "--port", "0", "--clients", "50", "--stay", "2").assert_clean()
    drawn = lanes_of(result.log)
    assert len(drawn) > 100
    assert not disagreements(result.log, oracle)
    assert not contradictions(drawn, oracle)


@pytest.mark.thorough
def test_the_site_of_the_crawl_computes_and_its_workers_do_not():
    with StateOracle() as oracle:
        result = run("crawl-callback", "--max-pages", "20", "--json").assert_clean()
    assert not disagreements(result.log, oracle)
    assert not contradictions(lanes_of(result.log), oracle)
    used = {}
    for account in accounts(result.log).values():
        used[account.role] = used.get(account.role, 0) + account.seconds["computing"]
    assert used["site"] > 2 * max(seconds for role, seconds in used.items() if role.startswith("worker-"))


def test_a_client_in_the_command_itself_waits_for_its_user():
    with StateOracle() as oracle, echo_server() as ours:
        typed = ("echo-client", "--json", "--port", ours.port)
        with Command(*typed, stdin=subprocess.PIPE) as client:
            for number in range(3):
                client.stdin.write(b"hello\n")
                client.wait_event("answer", number + 1)
                client.pause(0.2)
            client.stdin.close()
            result = client.finish().assert_clean()
    assert not disagreements(result.log, oracle)
    assert not contradictions(lanes_of(result.log), oracle)
    (account,) = (each for each in accounts(result.log).values() if each.pid == each.tid)
    assert account.role == "main"
    assert account.seconds["waiting"] > 0.5


def test_a_client_in_the_command_itself_computes_if_it_makes_load():
    with StateOracle() as oracle, echo_server() as ours:
        load = ("--clients", "4", "--messages", "3000", "--port", ours.port)
        result = run("echo-client", "--json", *load).assert_clean()
        quiet = run("echo-client", "--json", "--no-sample", "--port", ours.port, "hello").assert_clean()
    assert not disagreements(result.log, oracle)
    assert not contradictions(lanes_of(result.log), oracle)
    account = next(each for each in accounts(result.log).values() if each.pid == each.tid)
    assert account.seconds["computing"] > account.seconds["sleeping"]
    assert [event.name for event in result.log][-2:] == ["usage", "summary"]
    assert not [event for event in quiet.log if not is_of_demo(event)]


def told(state):
    data = {"call": "", "cpu_ms": 0.0, "ready_ms": 0.0}
    return [
        Event("state", name, data, at_ns, 42, 42, "main") for name, at_ns in ((state, 0), ("gone", 10**9))
    ]


@pytest.mark.parametrize(
    ("states", "waits", "used", "true"),
    [
        ({"computing"}, True, 0.0, False),
        ({"computing"}, False, 1.0, True),
        ({"sleeping", "waiting", "blocked", "stopped"}, True, 0.0, True),
        ({"sleeping", "waiting", "blocked", "stopped"}, False, 1.0, False),
    ],
)
def test_the_oracle_notices_what_is_not_true(states, waits, used, true):
    looks = [(at / 200, waits, used * at / 200) for at in range(200)]
    seen = Seen({"computing": 1.0} if used else {"blocked": 1.0}, 1.0, looks)
    oracle = SimpleNamespace(threads={(42, 42): seen})
    for state in states:
        assert bool(contradictions(lanes_of(told(state)), oracle)) != true
    if not true:
        assert disagreements(told("sleeping"), oracle)


def test_the_oracle_is_right_only_about_what_it_has_seen():
    rare = [(at / 20, True, 0.0) for at in range(20)]
    oracle = SimpleNamespace(threads={(42, 42): Seen({"blocked": 1.0}, 1.0, rare, late=0.6)})
    assert not contradictions(lanes_of(told("computing")), oracle)
    assert not disagreements(told("sleeping"), oracle)
    assert not disagreements(told("sleeping"), SimpleNamespace(threads={}))


def test_of_the_time_in_which_the_command_was_stopped_only_cpu_time_is_told():
    roles = ("producer-0", "consumer-0")
    demo = ("prodcons", "--json", "--items", "1000", "--maxsize", "1", "--work", "0.05")
    with StateOracle() as oracle, Command(*demo, "--producers", "1", "--consumers", "1") as command:
        for role in roles:
            command.wait_event(lambda event, role=role: event.role == role)
        command.signal(signal.SIGSTOP)  # both have a turn again and again
        command.pause(1)
        seen = len(command.events)
        command.signal(signal.SIGCONT)
        for role in roles:
            command.wait_for(lambda role=role: role in {event.role for event in command.events[seen:]})
        command.signal(signal.SIGINT)
        result = command.finish().assert_clean(130)
    assert not disagreements(result.log, oracle)
    for role in roles:
        found = accounts(result.log).values()
        (account,) = (each for each in found if each.role == role and each.pid == each.tid)
        assert account.seconds["not seen"] > 0.8, account


@pytest.mark.thorough
def test_a_consumer_that_the_command_has_stopped_is_stopped(start_method):
    with StateOracle() as oracle:
        result = run(
            *("prodcons", "--consumers", "1", "--stop", "consumer-0@0.5", "--timeout", "2.5", "--json"),
            start_method=start_method,
        ).assert_clean(status=4)
    assert not disagreements(result.log, oracle)
    (consumer,) = [account for account in accounts(result.log).values() if account.role == "consumer-0"]
    assert consumer.seconds["stopped"] > 0.3, consumer
