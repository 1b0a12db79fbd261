"""Three hosts: the scheduler and the site on one, a worker on each of the others."""

import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from bunaccounts import account_of
from crawls import assert_accounted
from harness import PROCDEMO, Command
from hosts import HOSTS, Hosts, needs_hosts
from schedulers import LIMIT, QUIET, address_of, dask, scheduler, wait_until_registered

from procdemo.render.spans import flows
from procdemo.render.timeline import lanes

pytestmark = [needs_hosts, pytest.mark.timeout(LIMIT), pytest.mark.thorough]
IMPATIENT = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s",
}
"""Short limits: with dask's own settings a host that is cut off is given up after half a minute."""

SITE = str(Path(__file__).parents[1] / "support" / "hub_server.py")


class HostsWithCluster:
    """Three hosts with a cluster, and a site of `pages` pages."""

    def __init__(self, stack, pages):
        self.hosts = hosts = stack.enter_context(Hosts())
        here = hosts.address("hostA")
        site = Command(
            here, str(pages), program=[*hosts.on("hostA"), sys.executable, SITE], env=QUIET, limit=LIMIT
        )
        self.url = stack.enter_context(site).wait_line(r"^http://.*/$")[0]
        running = scheduler(host=here, before=hosts.on("hostA"), env=IMPATIENT)
        self.address = address_of(stack.enter_context(running))
        for host in ("hostB", "hostC"):
            options = ["--nthreads", "1", "--no-dashboard", "--host", hosts.address(host)]
            worker = stack.enter_context(dask("worker", self.address, *options, before=hosts.on(host)))
            wait_until_registered(worker)

    def run(self, *args):
        """Start a command on the first host."""
        args = [*args, "--json", "--cluster", self.address, "--timeout", "100"]
        return Command(*args, program=[*self.hosts.on("hostA"), *PROCDEMO], limit=LIMIT)


@pytest.fixture
def make_cluster():
    """Return a function that starts a cluster, and a site of so many pages."""
    with ExitStack() as stack:
        yield lambda pages: HostsWithCluster(stack, pages)


def host_of(event):
    return event.role.partition("@")[2]


def test_it_runs_on_all_hosts_and_shows_which(make_cluster):
    cluster = make_cluster(60)
    with cluster.run("crawl-callback", cluster.url, "--allow-private") as command:
        result = assert_accounted(command.finish().assert_clean())
    assert result.summary["done"] == 61
    assert {host_of(event) for event in result.named("fetch")} == {"hostB", "hostC"}
    assert all(host_of(event) == "" for event in result.named("parsed"))
    hosts = {event.data["host"]: event.data for event in result.named("host")}
    assert hosts.keys() == {"hostB", "hostC"}
    for host, data in hosts.items():
        assert abs(data["ahead_s"] - HOSTS[host]) * 1e3 <= data["within_ms"], "the offset of its namespace"
    within_ns = max(data["within_ms"] for data in hosts.values()) * 1e6
    main = result.named("meta")[0].pid
    seen = flows(result.events)
    assert {arrow.sent.name for arrow in seen} == {"submit", "callback"}
    for sent, received in seen:
        assert sent.time_ns < received.time_ns + within_ns
    tracks = {lane.role.partition("@")[2]: lane for lane in lanes(result.events, {})}
    assert tracks.keys() == {"", "hostB", "hostC"}
    assert len({lane.pid for lane in tracks.values()}) == 3, "though hostB and hostC have the same PIDs"
    assert main in {lane.pid for lane in tracks.values()}


def test_prodcons_on_two_hosts(make_cluster):
    cluster = make_cluster(1)
    with cluster.run("prodcons", "--items", "40", "--work", "0.01") as command:
        result = command.finish().assert_clean()
    assert account_of(result, 40)["done"] == 40
    roles = {event.role for event in result.named("bun")}
    assert roles == {"producer-0@hostB", "producer-1@hostC", "consumer-0@hostB", "consumer-1@hostC"}


def test_a_host_is_cut_off_during_a_run_and_nothing_is_lost(make_cluster):
    cluster = make_cluster(800)
    with cluster.run("crawl-callback", cluster.url, "--allow-private", "--page-deadline", "60") as command:
        for host in ("hostB", "hostC"):
            command.wait_event(
                lambda event, host=host: event.name == "fetch" and host_of(event) == host, 20, 30
            )
        cluster.hosts.cut_off("hostB")
        cut_ns = time.monotonic_ns()
        result = assert_accounted(command.finish().assert_clean())
    summary = result.summary
    assert (summary["done"], summary["lost"], summary["failed"]) == (801, 0, 0)
    (lost,) = result.named("exited")
    (first,) = {event.pid for event in result.events if host_of(event) == "hostB"}
    assert lost.data["child_pid"] == first
    within_ns = max(event.data["within_ms"] for event in result.named("host")) * 1e6
    later = Counter(host_of(event) for event in result.named("fetch") if event.time_ns > cut_ns + within_ns)
    assert later.keys() == {"hostC"}
    assert later["hostC"] > 100
