"""Tests of a cluster need dask.distributed, and some of them hosts of their own."""

import os
from importlib.util import find_spec

import pytest

NEEDED = "needs dask.distributed: make cluster"


@pytest.fixture(autouse=True)
def _needs_distributed():
    """Skip without dask.distributed; fail if CLUSTER_REQUIRED is set."""
    if find_spec("distributed") is None:
        if os.environ.get("CLUSTER_REQUIRED"):
            pytest.fail(NEEDED)
        pytest.skip(NEEDED)
