"""Slow motion (``--slow X``): simulated work and stays last X times as long, and what counts on them, too."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

import click

from procdemo.cli.option_types import FiniteRange
from procdemo.demo.settings import Arg

if TYPE_CHECKING:
    from procdemo.demo.settings import DemoSettings
    from procdemo.runtime.fault_injection import Fault

_MOST = 50.0


def slow_option(config: type[Any]) -> list[click.Parameter]:
    """Return the option ``--slow``, if a demo with these settings simulates anything."""
    if not _simulated(config):
        return []
    return [
        click.Option(
            ["--slow"],
            type=FiniteRange(1, _MOST),
            default=1.0,
            metavar="X",
            help=f"Slow motion: simulated work takes X times as long (1 to {_MOST:.0f}).",
        )
    ]


def stretched(config: "DemoSettings", factor: float) -> Any:
    """Return the settings with each simulated time `factor` times as long."""
    if factor == 1:
        return config
    times = {name: getattr(config, name) for name in _simulated(type(config))}
    return dataclasses.replace(
        config, **{name: seconds * factor for name, seconds in times.items() if seconds is not None}
    )


def stretched_faults(faults: Sequence["Fault"], factor: float) -> tuple["Fault", ...]:
    """Return the faults that were typed, each after `factor` times as many seconds."""
    return tuple(fault._replace(seconds=fault.seconds * factor) for fault in faults)


def _simulated(config: type[Any]) -> list[str]:
    """Return the names of the settings that are simulated times."""
    hints = get_type_hints(config, include_extras=True)
    return [
        name
        for name, hint in hints.items()
        if any(isinstance(extra, Arg) and extra.simulated for extra in getattr(hint, "__metadata__", ()))
    ]
