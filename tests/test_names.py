"""E6: a public name that leads to a private address, to both, or to one now and to the other later."""

import json
import sys
from pathlib import Path

import pytest
from harness import run
from names import NAME, PRIVATE, PUBLIC
from namespaces import FILES_OF_ITS_OWN, NETWORK_OF_ITS_OWN, needs_a_network_of_its_own

pytestmark = needs_a_network_of_its_own
REFUSED = f"{NAME} is at {PRIVATE}, which is not public (--allow-private)"


def crawled(addresses, later="", *options):
    script = str(Path(__file__).with_name("support") / "names.py")
    program = [*NETWORK_OF_ITS_OWN, *FILES_OF_ITS_OWN, sys.executable, script]
    return json.loads(run(addresses, later, *options, program=program, within=20).assert_clean().stdout)


def test_a_public_name_at_a_public_address_is_crawled():
    """The network is as it should be."""
    got = crawled(PUBLIC)
    assert got.pop("public") > 0
    assert got == {"titles": ["hub", "public"], "why": [], "private": 0}


@pytest.mark.parametrize("addresses", [(PRIVATE,), (PUBLIC, PRIVATE), (PRIVATE, PUBLIC)], ids=str)
def test_e6_a_name_that_leads_to_a_private_address_too(addresses):
    assert crawled(",".join(addresses)) == {"titles": [], "why": [REFUSED], "public": 0, "private": 0}


def test_e6_who_has_checked_an_address_keeps_to_it():
    """The name leads elsewhere later."""
    got = crawled(PUBLIC, PRIVATE, "--workers", "1")
    assert (got["titles"], got["why"], got["private"]) == (["hub", "public"], [], 0)


def test_e6_who_asks_later_for_a_name_that_leads_elsewhere_refuses_it():
    """Two of three workers ask after the hub was had, unless the one that had it is faster with all pages."""
    got = crawled(PUBLIC, PRIVATE)
    assert "hub" in got["titles"]
    assert set(got["why"]) <= {REFUSED}
    assert got["private"] == 0


def test_the_private_server_is_there():
    """The tests above can fail."""
    got = crawled(PRIVATE, "", "--allow-private")
    assert (got["titles"], got["public"]) == (["secret"], 0), got
    assert got["private"] > 0
