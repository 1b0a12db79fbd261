"""Slow motion: what is simulated takes longer, and so does what counts on it; nothing else."""

from typing import get_type_hints

import pytest
from harness import run
from in_process import run_here

from procdemo.catalog import DEMOS
from procdemo.cli.slow_motion import slow_option, stretched, stretched_faults
from procdemo.demo.contract import load
from procdemo.demo.settings import Arg
from procdemo.patterns import crawl_callback, pool_server, race, supervise
from procdemo.runtime.fault_injection import Fault


def test_simulated_times_are_stretched_and_only_they():
    usual = pool_server.Config(stay=1.5, apart=0.5)
    assert stretched(usual, 4) == pool_server.Config(stay=6.0, apart=2.0)
    assert stretched(pool_server.Config(), 2).apart is None
    assert stretched(race.Config(), 3).pause == pytest.approx(1.2)
    slow = stretched(crawl_callback.Config(), 10)
    assert (slow.latency, slow.page_deadline, slow.max_delay) == (4.0, 100.0, 10.0)
    assert stretched(usual, 1) is usual


def test_the_fault_that_belongs_to_a_lesson_comes_later_too():
    assert supervise.Config().usual_kill == "worker-0@0.6"
    assert stretched(supervise.Config(), 10).usual_kill == "worker-0@6"
    assert supervise.Config(poison=3).usual_kill == ""


def test_the_faults_that_were_typed_come_later():
    faults = [Fault("kill", "worker-0", 0.5), Fault("stop", "", 0.2)]
    assert [fault.seconds for fault in stretched_faults(faults, 10)] == [5.0, 2.0]


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_with_a_simulated_time_has_the_option(demo):
    hints = get_type_hints(load(demo.module).Config, include_extras=True).values()
    simulates = any(
        isinstance(extra, Arg) and extra.simulated
        for hint in hints
        for extra in getattr(hint, "__metadata__", ())
    )
    assert bool(slow_option(load(demo.module).Config)) == simulates
    assert simulates == (demo.name not in {"echo-client", "gil", "lab"})


def test_the_run_says_what_it_was_and_its_default_limit_is_stretched():
    result = run("spawn", "--json", "--work", "0.1", "--slow", "3", "-n", "1").assert_clean()
    assert result.events[0].data["config"]["work"] == pytest.approx(0.3)
    assert result.summary["joined"] == 2


@pytest.mark.parametrize("factor", ["0.5", "51", "slow"])
def test_a_factor_that_is_none(factor):
    result = run_here("race", "--slow", factor).assert_clean(status=2, stderr_lines=5)
    assert "between 1 and 50" in result.stderr or "not a number" in result.stderr
