"""The same lessons on many machines, run by dask.distributed instead of a Pool and a JoinableQueue.

Nothing in here is imported unless ``--cluster`` asks for it, for it needs the extra ``procdemo[cluster]``.
"""

import importlib
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from procdemo.demo.settings import CannotRunError

LOCAL = "local"
"""The address that means: a scheduler and workers of our own, on this host."""

STORY = {
    "cluster": "{workers} workers of dask.distributed {version} at {address}, {whose}",
    "unfit": "the worker at {address} cannot take part: {error}",
    "host": "the clock of {host} is {ahead_s:.3f} s ahead of ours, within {within_ms:.1f} ms",
}
"""Sentences of a cluster; a pattern's STORY takes them in."""

_SCHEMES = ("tcp://", "tls://")


def check(config: Any) -> None:
    """See to it that the cluster that `config` asks for, if any, can be used.

    Raises:
        CannotRunError: its address is none, or it could not reach the site it shall crawl, exit status 2;
            or dask.distributed is missing, exit status 3.
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
        raise CannotRunError(message, "pip install 'procdemo[cluster]'", exit_code=3)


def lesson(name: str) -> ModuleType:
    """Return the module `name` of this package; only now is dask.distributed imported."""
    return importlib.import_module(f"procdemo.cluster.{name}")
