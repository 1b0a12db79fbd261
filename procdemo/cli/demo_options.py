"""The options of a demo's command: one for each setting of its `Config`, and those for faults."""

import dataclasses
import os
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from procdemo.cli.option_types import Choice, FiniteRange, WholeNumber
from procdemo.demo.settings import Arg, HelpGroup
from procdemo.demo.text import quoted
from procdemo.runtime import fault_injection


def parameters(config: type[Any]) -> dict[HelpGroup, list[click.Parameter]]:
    """Return one click parameter for each field of the dataclass `config` that has an `Arg`, by its group."""
    hints = get_type_hints(config, include_extras=True)
    found: dict[HelpGroup, list[click.Parameter]] = {group: [] for group in HelpGroup}
    for field in dataclasses.fields(config):
        hint = hints[field.name]
        if get_origin(hint) is Annotated:
            value, arg = get_args(hint)[:2]
            found[arg.group].append(_parameter(field, value, arg))
            if arg.was:
                found[arg.group].append(_earlier_name(arg.was, field.name))
    return found


def _parameter(field: dataclasses.Field[Any], hint: Any, arg: Arg) -> click.Parameter:
    if arg.positional:
        return click.Argument([field.name], nargs=-1, metavar=arg.metavar)
    names = [f"--{field.name.replace('_', '-')}", field.name]
    if arg.short:
        names.insert(0, arg.short)
    if hint is bool:
        return click.Option(names, is_flag=True, default=field.default, help=arg.help)
    default = field.default.value if isinstance(field.default, StrEnum) else field.default
    return click.Option(
        names,
        type=_click_type(hint, arg),
        default=default,
        show_default=field.default is not None,
        metavar=arg.metavar,
        help=arg.help,
    )


def _earlier_name(was: str, name: str) -> click.Option:
    """Return a hidden option that only says how it is called now."""

    def refuse(_: click.Context, __: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(f"--{was} is called --{name} now; try: --{name} {value}")

    return click.Option([f"--{was}"], hidden=True, expose_value=False, callback=refuse)


def _click_type(hint: Any, arg: Arg) -> click.ParamType[Any]:
    if get_origin(hint) in {Union, UnionType}:  # X | None
        hint = next(choice for choice in get_args(hint) if choice is not NoneType)
    if get_origin(hint) is Literal:
        return Choice(get_args(hint), dict(arg.also))
    if issubclass(hint, StrEnum):
        return _EnumValue(hint)
    if hint is int:
        return WholeNumber(_whole(arg.min), _whole(arg.max))
    if hint is float:
        return FiniteRange(arg.min, arg.max)
    if issubclass(hint, os.PathLike):
        return click.Path(path_type=hint)
    return click.STRING


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def fault_options() -> list[click.Parameter]:
    """Return the options that make the command kill or stop processes of the demo."""
    return [
        click.Option(
            ["--kill"],
            type=_Fault("ROLE@SECONDS", "worker-0@1.5", partial(fault_injection.parse_targeted, "kill")),
            multiple=True,
            help="Kill a process SECONDS after its first event: --kill worker-0@1.5 (or none). Repeatable.",
        ),
        click.Option(
            ["--stop"],
            type=_Fault("ROLE@SECONDS", "worker-0@1.5", partial(fault_injection.parse_targeted, "stop")),
            multiple=True,
            help="Freeze a process (SIGSTOP) some seconds after its first event: --stop worker-0@1.5.",
        ),
        click.Option(
            ["--chaos"],
            type=_Fault("kill:SECONDS", "kill:0.5", fault_injection.parse_random),
            multiple=True,
            help="Kill a random process every N seconds: --chaos kill:0.3 (or stop:0.3).",
        ),
        click.Option(
            ["-s", "--seed"],
            type=WholeNumber(),
            default=0,
            show_default=True,
            help="Seed of --chaos: which processes it chooses.",
        ),
    ]


class _Fault(click.ParamType[fault_injection.Fault]):
    """The type of an option that is a fault."""

    def __init__(self, form: str, example: str, read: Callable[[str], fault_injection.Fault]) -> None:
        self.name = form
        self._example = example
        self._read = read

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the form of the value, for the help."""
        return self.name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> fault_injection.Fault:
        """Return the fault, or fail with an example of what to type."""
        try:
            return value if isinstance(value, fault_injection.Fault) else self._read(value)
        except ValueError:
            self.fail(f"{quoted(value)} is not {self.name}; for example {self._example}.", param, ctx)


class _EnumValue(Choice):
    """A choice among the values of an enumeration (click's own type offers their Python names)."""

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__([member.value for member in enum])
        self._enum = enum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._enum(super().convert(str(value), param, ctx))
