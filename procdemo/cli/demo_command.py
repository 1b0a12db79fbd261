"""The command of a demo: made from the demo's module when it is called."""

import importlib
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from procdemo.catalog import Demo
from procdemo.cli.common_options import ViewOptions, chosen_view, common_options
from procdemo.cli.docstrings import docstring
from procdemo.cli.exit_codes import MISSING
from procdemo.cli.output_files import open_outputs, output_options

if TYPE_CHECKING:
    from procdemo.demo.contract import DemoModule
    from procdemo.demo.settings import DemoSettings
    from procdemo.runtime.fault_injection import Fault

_KEYS = "; keys: space, . (to the next sentence), q"


def demo_command(demo: Demo) -> click.Command:
    """Import a demo, and return its command: the options are its settings and those of every run."""
    from dataclasses import fields

    from procdemo.cli.demo_options import fault_options, parameters
    from procdemo.cli.help_pages import DemoCommand
    from procdemo.cli.option_types import FiniteRange
    from procdemo.cli.slow_motion import slow_option, stretched
    from procdemo.demo.contract import load
    from procdemo.demo.settings import HelpGroup

    module = load(demo.module)
    limit = click.Option(
        ["--timeout"],
        type=FiniteRange(min=0),
        default=demo.limit,
        show_default=True,
        metavar="SECONDS",
        help="Stop the demo after so long, with status 4; 0: no limit.",
    )
    no_sample = click.Option(["--no-sample"], is_flag=True, help="Do not look at the processes from outside.")
    groups = parameters(module.Config)
    if demo.starts_processes:
        groups[HelpGroup.OUTPUT] += [limit, *slow_option(module.Config)]
        groups[HelpGroup.FAULTS] += fault_options()
    if demo.sampled:
        groups[HelpGroup.OUTPUT].append(no_sample)
    groups[HelpGroup.OUTPUT] += [
        *output_options(live=demo.starts_processes, keys=_KEYS if demo.twin else ""),
        *common_options(),
    ]

    def callback(**values: Any) -> None:
        view = chosen_view(values)
        values["verbose"] = view.verbose  # -v before the command's name counts as well
        names = {field.name for field in fields(module.Config)} & values.keys()
        config: DemoSettings | None = module.Config(**{name: values[name] for name in names})
        if config and values.get("slow"):
            config = stretched(config, values["slow"])
            if click.get_current_context().get_parameter_source("timeout") is ParameterSource.DEFAULT:
                values["timeout"] *= values["slow"]
        if demo.before:
            config = _prepared(demo, config, view)
        if config is not None:
            view = view._replace(outputs=open_outputs(values, json=view.json))
            sys.exit(_run(demo, module, config, view, values))

    limit_of_cpus = _limit_of_cpus() if demo.starts_processes else ""
    variable = re.sub("[ -]", "_", f"PROCDEMO {demo.name}".upper())
    return DemoCommand(
        demo.name,
        groups=groups,
        text=docstring(module),
        callback=callback,
        short_help=demo.summary,
        epilog=f"The environment can set any option: {variable}_OPTION.{limit_of_cpus}",
    )


def _limit_of_cpus() -> str:
    """Return a sentence: why defaults count fewer CPUs than the machine has; empty if they do not."""
    from procdemo.demo.settings import limit_of_cpus, usable_cpus

    limit = limit_of_cpus()
    return f" Defaults count {usable_cpus()} usable CPUs ({limit})." if limit else ""


def _prepared(demo: Demo, config: Any, view: ViewOptions) -> Any:
    """Return the settings that ``prepare`` of the module `demo.before` makes; None if there is no run."""
    return importlib.import_module(demo.before).prepare(config, view)


def _faults(config: "DemoSettings", values: dict[str, Any]) -> tuple["Fault", ...]:
    """Return the faults of the command line; without any, the one that belongs to the lesson."""
    from procdemo.cli.slow_motion import stretched_faults
    from procdemo.runtime.fault_injection import NO_FAULT, parse_targeted

    given = (*values["kill"], *values["stop"], *values["chaos"])
    if not given and config.usual_kill:
        return (parse_targeted("kill", config.usual_kill),)
    return stretched_faults([fault for fault in given if fault != NO_FAULT], values.get("slow") or 1)


def _run(
    demo: Demo, module: "DemoModule", config: "DemoSettings", view: ViewOptions, values: dict[str, Any]
) -> int:
    from procdemo.cli import run_demo
    from procdemo.runtime.fault_injection import check_roles

    sampled = demo.sampled and not values["no_sample"]
    if not demo.starts_processes:
        return run_demo.run_in_command(demo, module, config, view, sampled=sampled)
    if not hasattr(os, "fork"):
        click.echo(
            f"error: {demo.name} needs process groups and os.fork, which {sys.platform} does not have\n"
            f"try: procdemo source {demo.name}, or run it on Linux or macOS (on Windows: in WSL)",
            err=True,
        )
        return MISSING
    faults = _faults(config, values)
    if demo.roles:
        check_roles(faults, [*demo.roles, *(["worker-N"] if getattr(config, "cluster", None) else [])])
    interventions = run_demo.Interventions(values["timeout"], faults, values["seed"], sampled)
    return run_demo.run_in_process_group(demo, module, config, view, interventions)
