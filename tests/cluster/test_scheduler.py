"""--cluster tcp://...: a scheduler and workers that run already, and what may happen to them."""

import os
import signal
import sys
import time

import pytest
from bunaccounts import account_of
from crawls import assert_accounted, crawl, finished, hub
from harness import Command, run
from schedulers import LIMIT, QUIET, address_of, scheduler, workers
from web import Web, stay_silent


@pytest.fixture
def cluster():
    """Return a scheduler, its address, and its two workers."""
    with scheduler() as running:
        address = address_of(running)
        with workers(address, 2) as both:
            yield running, address, both


def pids_of_workers(commands):
    """Return the processes that work, below their nannies."""
    lines = [(command, command.descendants()) for command in commands]
    return {pid for command, below in lines for pid in below if "spawn_main" in command_line(pid)}


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode()


@pytest.mark.thorough
def test_both_demos(cluster):
    _, address, both = cluster
    with Web(hub(30)) as web:
        result = finished(web.url, "--cluster", address, limit=LIMIT)
    assert result.summary["done"] == 31
    workers = pids_of_workers(both)
    assert {event.pid for event in result.named("fetch")} == workers
    buns = run("prodcons", "--json", "--cluster", address, "--items", "30", "--work", "0", limit=LIMIT)
    assert account_of(buns.assert_clean(), 30)["done"] == 30
    assert {event.pid for event in buns.named("bun")} == workers
    assert pids_of_workers(both) == workers, "the command does not end workers that ran before it"


@pytest.mark.thorough
def test_a_killed_worker_costs_a_retry(cluster):
    _, address, _ = cluster
    with Web(hub(60)) as web, crawl(web.url, "--cluster", address, limit=LIMIT) as command:
        killed = command.wait_event("fetch", nth=9, limit=30).pid
        os.kill(killed, signal.SIGKILL)
        result = assert_accounted(command.finish().assert_clean())
    assert [event.data["child_pid"] for event in result.named("exited")] == [killed]
    assert result.summary["done"] == 61


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.thorough
def test_a_lost_scheduler_is_a_clear_error_within_ten_seconds(signum, cluster):
    running, address, _ = cluster
    with Web(hub(9, **{"/3": stay_silent})) as web:
        args = (web.url, "--cluster", address, "--page-deadline", "60")
        with crawl(*args, limit=LIMIT) as command:
            command.wait_event("page", nth=5, limit=30)
            running.signal(signum)
            at = time.monotonic_ns()
            result = assert_accounted(command.finish(within=20).assert_clean(1))
    (error,) = result.named("error")
    assert f"scheduler {address}" in error.data["message"]
    assert error.time_ns - at < 10e9
    assert result.summary["lost"] > 0
    assert all("scheduler was lost" in event.data["why"] for event in result.named("page failed"))


@pytest.mark.thorough
def test_a_lost_scheduler_ends_prodcons_too(cluster):
    running, address, _ = cluster
    with Command("prodcons", "--json", "--cluster", address, "--items", "5000", limit=LIMIT) as command:
        command.wait_event(lambda event: event.name == "eats" and event.kind == "end", limit=30)
        running.signal(signal.SIGKILL)
        result = command.finish(within=12).assert_clean(1)
    assert account_of(result, 5000)["done"] > 0
    assert result.named("error")


TASKS = """
import sys, time, distributed
client = distributed.Client(sys.argv[1])
while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
    time.sleep(0.05)
def busy(dask_worker):
    return len(dask_worker.state.executing) + len(dask_worker.state.long_running)
while any(client.run(busy).values()):
    time.sleep(0.05)
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(
    "args", [["crawl-callback"], ["prodcons", "--items", "5000"]], ids=lambda args: args[0]
)
@pytest.mark.thorough
def test_stopped_it_releases_all_its_tasks(args, signum, cluster):
    _, address, _ = cluster
    with Web(hub(200)) as web:
        where = [web.url, "--allow-private"] if args[0] == "crawl-callback" else []
        with Command(*args, *where, "--json", "--cluster", address, limit=LIMIT) as command:
            command.wait_event("fetch" if where else "eats", limit=30)
            command.signal(signum)
            result = command.finish(8)
            assert not result.survivors
            if signum == signal.SIGINT:
                result.assert_clean(130)
        run(address, program=[sys.executable, "-c", TASKS], env=QUIET, within=20)


@pytest.mark.thorough
def test_a_scheduler_without_workers():
    with scheduler() as running:
        address = address_of(running)
        result = run("prodcons", "--cluster", address).assert_clean(1, stderr_lines=2)
    assert f"the scheduler {address} has no worker" in result.stderr
    assert f"dask worker {address}" in result.stderr


@pytest.mark.thorough
def test_no_scheduler():
    result = run("crawl-callback", "--cluster", "tcp://127.0.0.1:1", "https://example.org/", limit=LIMIT)
    result.assert_clean(1, stderr_lines=2)
    assert "no scheduler at tcp://127.0.0.1:1" in result.stderr
    assert "dask scheduler" in result.stderr


@pytest.mark.parametrize("word", ["", "here", "tcp://", "tcp://host", "http://127.0.0.1:8786", "tcp://h:x"])
def test_what_is_no_address(word):
    result = run("prodcons", "--cluster", word).assert_clean(2, stderr_lines=2)
    assert "not the address of a scheduler" in result.stderr


@pytest.mark.parametrize("args", [[], ["--site", "/usr"]])
def test_a_site_of_ours_is_out_of_reach(args):
    result = run("crawl-callback", "--cluster", "tcp://127.0.0.1:8786", *args).assert_clean(2, stderr_lines=2)
    assert "cannot reach a site on 127.0.0.1" in result.stderr
