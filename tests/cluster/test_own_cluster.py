"""--cluster local: the same demos by dask.distributed on this host, and everything accounted for."""

import os
import signal

import pytest
from bunaccounts import account_of, missing
from crawls import assert_accounted, finished, hub
from harness import Command, run
from listeners import listening_tcp
from stages import events_of
from web import Web, drip_body

from procdemo.cluster import load
from procdemo.patterns import prodcons
from procdemo.render.spans import flows

LIMIT = 60
LOCAL = ("--cluster", "local")


@pytest.fixture(scope="module")
def whole():
    """Return a crawl of the standard library's documentation, for several tests."""
    return run("crawl-callback", *LOCAL, "--json", "--workers", "2", limit=LIMIT)


def test_a_crawl_is_complete(whole):
    summary = assert_accounted(whole.assert_clean()).summary
    assert summary["done"] > 60
    assert (summary["failed"], summary["lost"], summary["broken"]) == (0, 0, 0)
    assert summary["skipped"] == summary["forbidden"] == 1


def test_the_callback_runs_in_main_in_a_thread_of_its_own(whole):
    meta, parsed = whole.named("meta")[0], whole.named("parsed")
    assert {event.pid for event in parsed} == {meta.pid} == {whole.summary["callback_pid"]}
    assert {event.tid for event in parsed}.isdisjoint({meta.pid})


def test_workers_on_this_host_are_shown_as_on_one_machine(whole):
    fetched = whole.named("fetch")
    assert {event.role for event in fetched} == {"worker-0", "worker-1"}
    assert len({event.pid for event in fetched}) == 2
    assert {event.data["worker_pid"] for event in whole.named("parsed")} <= {event.pid for event in fetched}
    assert not whole.named("host"), "it is ours, and has our clock"


def test_each_page_goes_to_a_worker_and_comes_back(whole):
    to_worker, back = (
        {arrow.sent.data["id"]: arrow for arrow in flows(whole.events) if arrow.sent.name == name}
        for name in ("submit", "callback")
    )
    assert set(to_worker) == set(back)
    assert len(to_worker) == whole.summary["produced"]
    for ticket, (submitted, taken) in to_worker.items():
        sent, called = back[ticket]
        assert submitted.pid == called.pid != taken.pid == sent.pid
        assert submitted.time_ns < taken.time_ns < sent.time_ns < called.time_ns


@pytest.mark.thorough
def test_a_killed_worker_is_named_and_its_page_fetched_by_another():
    args = ("crawl-callback", *LOCAL, "--json", "--workers", "2")
    with Command(*args, limit=LIMIT) as command:
        killed = command.wait_event("fetch", limit=30).pid
        os.kill(killed, signal.SIGKILL)
        result = assert_accounted(command.finish().assert_clean())
    assert killed in {event.data["child_pid"] for event in result.named("exited")}
    assert (result.summary["failed"], result.summary["lost"]) == (0, 0)
    assert {event.role for event in result.named("ready")} >= {"worker-2"}, "the nanny has started the next"


@pytest.mark.thorough
def test_kill_finds_a_worker_by_its_role():
    result = run("crawl-callback", *LOCAL, "--json", "--kill", "worker-1@0.1", "--workers", "2", limit=LIMIT)
    summary = assert_accounted(result.assert_clean()).summary
    (fault,) = result.named("fault")
    assert fault.data["target_pid"] in {event.data["child_pid"] for event in result.named("exited")}
    assert summary["lost"] == 0


@pytest.mark.thorough
def test_a_page_that_costs_every_worker_its_life_is_given_up_by_name():
    with Web(hub(6, **{"/3": drip_body})) as web:
        args = (*LOCAL, "--page-deadline", "1", "--tries", "2", "--workers", "2")
        result = finished(web.url, *args, status=1, limit=LIMIT)
    (bad,) = result.named("page failed")
    assert bad.data["url"].endswith("/3")
    assert "deadline" in bad.data["why"]
    assert result.summary["retried"] >= 1
    assert result.summary["done"] == 6


@pytest.mark.thorough
def test_a_callback_that_raises_fails_one_page():
    with Web(hub(5)) as web:
        result = finished(web.url, *LOCAL, "--raise-on", "3", status=1, limit=LIMIT)
    assert result.summary["failed"] == 1


def run_prodcons(*args, **options):
    return run("prodcons", *LOCAL, "--json", *args, limit=LIMIT, **options)


@pytest.mark.thorough
def test_every_item_is_eaten():
    result = run_prodcons("--items", "30", "--work", "0", "--maxsize", "3").assert_clean()
    assert account_of(result, 30)["done"] == 30
    eaten = [event for event in result.named("eats") if event.kind == "end"]
    assert sorted(int(event.data["id"]) for event in eaten) == list(range(30))
    rows = result.named("processes")
    assert {row.data["name"] for row in rows} == {"producer-0", "producer-1", "consumer-0", "consumer-1"}
    assert {row.data["pid"] for row in rows} == {event.pid for event in result.named("bun")}
    depths = [event.data["depth"] for event in result.named("bun") if event.kind == "send"]
    assert max(depths) <= 3


@pytest.mark.thorough
def test_what_is_acknowledged_early_is_lost_and_named():
    result = run_prodcons("--ack", "early", "--items", "8", "--work", "0.4").assert_clean(1)
    assert account_of(result, 8)["lost"] > 0
    assert all("in the hands of consumer-" in fate for fate in missing(result).values())


@pytest.mark.thorough
def test_an_item_that_cannot_be_pickled_is_refused_and_named():
    args = ("--items", "12", "--work", "0", "--batch", "6", "--unpicklable", "5")
    result = run_prodcons(*args).assert_clean(1)
    assert missing(result) == {5: "refused: cannot be pickled"}
    assert account_of(result, 12)["failed"] == 1


def refuse(number, queue, config, emit):
    raise LookupError("no appetite")


def run_with_failing_consumers(config, emit):
    load("prodcons").run(config, emit, prodcons.produce, refuse)


@pytest.mark.thorough
def test_a_consumer_that_fails_is_named_and_not_waited_for():
    config = prodcons.Config(cluster="local", producers=1, consumers=1, maxsize=2, items=50, work=0)
    events = events_of(run_with_failing_consumers, config, limit=LIMIT)
    (error,) = [event for event in events if event.name == "error"]
    assert error.data["message"] == "consumer-0 failed: LookupError: no appetite"


@pytest.mark.parametrize("role", ["consumer-0", "producer-0"])
@pytest.mark.thorough
def test_a_killed_worker_is_named_and_every_bun_accounted_for(role):
    with Command("prodcons", *LOCAL, "--json", "--items", "500", limit=LIMIT) as command:
        pid = command.wait_event(lambda event: event.role == role, limit=30).pid
        command.wait_event(lambda event: event.name == "eats" and event.kind == "end")
        os.kill(pid, signal.SIGKILL)
        result = command.finish(within=15).assert_clean(1)
    (exited,) = result.named("exited")
    assert exited.data == {**exited.data, "child": role, "child_pid": pid, "exitcode": None, "by": ""}
    summary = account_of(result, 500)
    assert len(missing(result)) == 500 - summary["done"]


LONG = {"crawl-callback": "--page-deadline 60", "prodcons": "--items 1000 --work 1"}
each = pytest.mark.parametrize("name", LONG)


def at_work(command):
    command.wait_for(lambda: any(event.role[:4] in {"work", "cons"} for event in command.events), 30)


@each
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.thorough
def test_it_can_be_stopped(name, signum, status):
    with Command(name, *LOCAL, "--json", *LONG[name].split(), limit=LIMIT) as command:
        at_work(command)
        command.signal(signum)
        command.finish(8).assert_clean(status)


@each
@pytest.mark.thorough
def test_killed_it_leaves_no_process_not_even_a_stopped_worker(name):
    with Command(name, *LOCAL, "--json", *LONG[name].split(), limit=LIMIT) as command:
        at_work(command)
        worker = next(event.pid for event in command.events if event.role[:4] in {"work", "cons"})
        os.kill(worker, signal.SIGSTOP)
        command.signal(signal.SIGKILL)
        result = command.finish(5)
    assert not result.survivors
    assert not result.temporary


@each
@pytest.mark.thorough
def test_nothing_listens_beyond_loopback(name):
    with Command(name, *LOCAL, "--json", *LONG[name].split(), limit=LIMIT) as command:
        at_work(command)
        addresses = listening_tcp([command.pid, *command.descendants()])
    assert addresses
    assert all(address.startswith("0100007F:") for address in addresses)
