"""The crawl and prodcons on many machines: dask.distributed instead of a Pool and a JoinableQueue.

The other modules of this package are imported only if ``--cluster`` asks for it, because they need
``distributed``, which is procdemo's extra ``cluster``.
"""

import importlib
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from procdemo.demo.settings import CannotRunError, pip_install

LOCAL = "local"
"""The address that means: a scheduler and workers of our own, on this host."""

STORY = {
    "cluster": "{workers} workers of dask.distributed {version} at {address}, {whose}",
    "unfit": "the worker at {address} cannot take part: {error}",
    "host": "the clock of {host} is {ahead_s:.3f} s ahead of ours, within {within_ms:.1f} ms",
    "cluster worker died": "{child} (PID {child_pid}) has left the cluster",
}
"""Sentences about a cluster."""

_SCHEMES = ("tcp://", "tls://")


def check(config: Any) -> None:
    """Check that the cluster that `config` asks for, if any, can be used.

    Raises:
        CannotRunError: the address is not that of a scheduler, or the workers could not reach the site that
            they shall crawl (exit status 2); or dask.distributed is missing (exit status 3).
    """
    address = config.cluster
    if address is None:
        return
    host, _, port = address.partition("://")[2].rpartition(":")
    if address != LOCAL and not (address.startswith(_SCHEMES) and host and port.isdecimal()):
        message = f"not the address of a scheduler: --cluster {address}"
        raise CannotRunError(message, "--cluster local, or --cluster tcp://HOST:8786", exit_code=2)
    if address != LOCAL and (getattr(config, "site", None) or not getattr(config, "urls", True)):
        message = "workers on other hosts cannot reach a site on 127.0.0.1"
        hint = f"pages to begin with, e.g. --cluster {address} https://docs.python.org/3/"
        raise CannotRunError(message, hint, exit_code=2)
    if find_spec("distributed") is None:
        message = "--cluster needs dask.distributed, which is not installed"
        raise CannotRunError(message, pip_install("distributed"), exit_code=3)


def load(name: str) -> ModuleType:
    """Import the module `name` of this package, and dask.distributed with it; return the module."""
    return importlib.import_module(f"procdemo.cluster.{name}")
