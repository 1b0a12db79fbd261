"""The command line: one command for each row of the syllabus, imported when it is called.

Exit status: 0 done; 1 the demo or a check failed, or work was lost; 2 usage; 3 something
optional is missing; 4 time limit; 129 hang-up, 130 Ctrl-C, 143 SIGTERM (0 in a server that drained).

What ``--help`` does not need is imported where it is used: the first screen is there at once.
"""

import contextlib
import errno
import importlib
import inspect
import io
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import click

from procdemo import __version__
from procdemo.catalog import BENCHES, DEMOS, Demo
from procdemo.cli.commands import OTHER_COMMANDS
from procdemo.cli.common_options import MISSING, chosen_view, common_options, near
from procdemo.cli.output_files import open_outputs, output_options

_OUTPUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EBADF}
_EXAMPLES = """Examples:
  procdemo spawn
  procdemo pool-server --workers 2 --clients 3
  procdemo prodcons --producers 2
"""
_BENCH_EXAMPLES = """Examples:
  procdemo bench start
  procdemo bench queues --budget 10
  procdemo bench pools --json > old.jsonl
  procdemo bench pools --compare old.jsonl
"""
_EXIT_CODES = """Exit status: 0 done, 1 failed or work lost, 2 wrong usage, 3 something
optional is missing, 4 time limit, 130 Ctrl-C, 143 SIGTERM.
"""


class Programme(click.Group):
    """A group of demos and other commands; knows their names and summaries without importing them."""

    def __init__(
        self, *args: Any, rows: Sequence[Demo] = DEMOS, examples: str = _EXAMPLES, **kwargs: Any
    ) -> None:
        """Have a command for each of `rows`; `examples` go on top of the help. The rest is click's."""
        super().__init__(*args, **kwargs)
        self._rows = {row.name.rpartition(" ")[2]: row for row in rows}
        self._examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the demos in teaching order, then the tools."""
        return [*self._rows, *self.commands]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; a wrong name is told what is near it."""
        if args[0] not in self.list_commands(ctx):
            ctx.fail(f"No such command {args[0]!r}. {near(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, built from the pattern's module if it is a demo."""
        row = self._rows.get(cmd_name)
        return _demo(row) if row else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl(self.summaries())

    def summaries(self) -> list[tuple[str, str]]:
        """Return each command's name and what it is about."""
        lines = [(name, row.summary) for name, row in self._rows.items()]
        return lines + [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Put the examples first."""
        formatter.write(f"\n{self._examples}")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Close with the exit status."""
        formatter.write(f"\n{_EXIT_CODES}")


class Brief(Programme):
    """The same with no option in its help: what ``procdemo`` alone shows."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Leave the options to ``--help``, and give each command one line: all must fit on a screen."""
        from textwrap import shorten

        room = formatter.width - 2 - max(len(row.name) for row in DEMOS) - 2
        lines = [(row.name, shorten(row.summary, room, placeholder=" ...")) for row in DEMOS]
        with formatter.section("Commands"):
            formatter.write_dl(lines)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say where there is more."""
        formatter.write(f"\nAlso: {', '.join(self.commands)}. More: COMMAND --help, or --help.\n")


@click.group(
    "bench",
    cls=Programme,
    rows=BENCHES,
    examples=_BENCH_EXAMPLES,
    short_help="Designs measured side by side: what each costs here.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """See what each design costs on your own machine."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


COMMANDS = {"bench": bench, **OTHER_COMMANDS}


@click.group(
    cls=Programme,
    commands=COMMANDS,
    params=common_options(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PROCDEMO"},
)
@click.version_option(__version__, message="procdemo %(version)s")
@click.pass_context
def main(ctx: click.Context, /, **_: Any) -> None:
    """See Python's process patterns run on your own machine."""
    if ctx.invoked_subcommand is None:
        brief = Brief("procdemo", commands=COMMANDS)
        click.echo(brief.get_help(click.Context(brief, info_name="procdemo")))


def _demo(row: Demo) -> click.Command:
    import dataclasses

    from procdemo.cli.demo_options import FiniteRange, fault_options, parameters

    pattern = importlib.import_module(row.module)
    limit = click.Option(
        ["--timeout"],
        type=FiniteRange(min=0),
        default=row.limit,
        show_default=True,
        metavar="SECONDS",
        help="Stop the demo after this long and exit 4; 0 for no limit.",
    )
    extra = [limit, *fault_options()] if row.staged else []

    def callback(**values: Any) -> None:
        view = chosen_view(values)
        values.update(view)  # -v before the command's name counts too
        names = {field.name for field in dataclasses.fields(pattern.Config)}
        config = pattern.Config(**{name: value for name, value in values.items() if name in names})
        if row.before:
            config = _prepared(row, config, view)
            if config is None:
                return
        view |= {"outputs": open_outputs(values), "live": values.get("live", False)}
        sys.exit(_perform(row, pattern, config, view, values))

    variable = re.sub("[ -]", "_", f"PROCDEMO {row.name}".upper())
    return click.Command(
        row.name,
        params=[*parameters(pattern.Config), *extra, *output_options(live=row.staged), *common_options()],
        callback=callback,
        help=_help(pattern),
        short_help=row.summary,
        epilog=f"The environment can set any option: {variable}_OPTION.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _prepared(row: Demo, config: Any, view: dict[str, Any]) -> Any:
    from procdemo.demo.settings import CannotRunError

    try:
        return importlib.import_module(row.before).prepare(config, view)
    except CannotRunError as error:
        from procdemo.demo.text import printable

        click.echo(f"error: {printable(error)}\ntry: {printable(error.hint)}", err=True)
        sys.exit(error.exit_code)


def _help(pattern: ModuleType) -> str:
    """Return the module's docstring with its drawings and examples protected from being rewrapped."""
    paragraphs = inspect.getdoc(pattern) or ""
    keep = "\b\n"
    return "\n\n".join(
        keep + part.removeprefix(keep) if "\n  " in part else part for part in paragraphs.split("\n\n")
    )


def _perform(
    row: Demo, pattern: ModuleType, config: Any, view: dict[str, Any], values: dict[str, Any]
) -> int:
    from procdemo.cli import run_demo

    if not row.staged:
        return run_demo.run_in_command(row, pattern, config, view)
    if not hasattr(os, "fork"):
        click.echo(
            f"error: {row.name} needs process groups and os.fork, which {sys.platform} does not have\n"
            f"try: procdemo source {row.name}, or run it on Linux or macOS (on Windows: in WSL)",
            err=True,
        )
        return MISSING
    blows = (*values["kill"], *values["stop"], *values["chaos"])
    return run_demo.run_staged(
        row, pattern, config, view, run_demo.RunLimits(values["timeout"], blows, values["seed"])
    )


def run() -> int:
    """Run the command line; return the exit status. No exception leaves, no traceback is shown."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # LC_ALL=C must not end a demo
    status = _run()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:  # it would fail again at exit, and the status would be 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            status = status or _no_output(error)
    return status


def _run() -> int:
    try:
        status = main.main(prog_name="procdemo", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except SystemExit as leave:
        return int(leave.code or 0)
    except click.ClickException as error:
        from procdemo.demo.text import printable

        told = io.StringIO()
        error.show(told)
        click.echo("\n".join(map(printable, told.getvalue().splitlines())), err=True)  # it quotes arguments
        return error.exit_code
    except click.Abort:
        return 130
    except Exception as error:  # noqa: BLE001 - the last word is ours, not the interpreter's
        no_output = isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS
        return _no_output(error) if no_output else _bug(error)


def _bug(error: Exception) -> int:
    """Say in two lines what nobody expected; with ``--debug`` where, too."""
    if "--debug" in sys.argv or os.environ.get("PROCDEMO_DEBUG"):
        raise error
    from procdemo.demo.text import printable

    click.echo(
        f"error: {type(error).__name__}: {printable(error)}\ntry: the same with --debug, to see where",
        err=True,
    )
    return 1


def _no_output(error: Exception) -> int:
    """Say in a line that stdout cannot be written to, unless its reader has simply left."""
    if isinstance(error, BrokenPipeError):
        return 141
    with contextlib.suppress(OSError):  # a closed terminal takes no complaint either
        click.echo(f"error: cannot write the output: {error}", err=True)
    return 1
