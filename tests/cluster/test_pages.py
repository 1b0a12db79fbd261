"""What docs/cluster.md promises, tried: its commands, with addresses and pages of this machine."""

import re
import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest
from crawls import hub
from harness import run
from schedulers import LIMIT, address_of, dask, wait_until_registered
from web import Web

pytestmark = pytest.mark.thorough
PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
HERE, THERE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def words(line, host="10.0.0.1", port="8786"):
    """Return the words of a command of the page, on another host and port."""
    return shlex.split(line.replace("10.0.0.1", host).replace("8786", port))


def test_on_this_machine():
    install, crawl = HERE.splitlines()
    assert install == "python3 -m pip install '.[cluster]'"  # from the checkout, as in the README
    program, *args = words(crawl)
    assert program == "procdemo"
    assert "broken links 0" in run(*args, limit=LIMIT).assert_clean().stdout


def test_on_many():
    scheduler, worker, crawl, buns = THERE.splitlines()
    with ExitStack() as stack:
        running = stack.enter_context(dask(*words(scheduler, host="127.0.0.1", port="0")[1:]))
        *_, port = address_of(running).split(":")
        for _ in range(2):
            args = words(worker, host="127.0.0.1", port=port)[1:]
            wait_until_registered(stack.enter_context(dask(*args)))
        web = stack.enter_context(Web(hub(9)))
        *args, url = words(crawl, host="127.0.0.1", port=port)[1:]
        assert url.startswith("https://")
        crawled = run(*args, web.url, "--allow-private", "--json", limit=LIMIT).assert_clean()
        assert crawled.summary["done"] == 10
        eaten = run(*words(buns, host="127.0.0.1", port=port)[1:], "--json", limit=LIMIT).assert_clean()
        assert eaten.summary["lost"] == 0
