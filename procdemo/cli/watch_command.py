"""The command ``procdemo watch``: its options, and where those of the program begin."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from procdemo.cli.common_options import ViewOptions, chosen_view, common_options
from procdemo.cli.option_types import Choice, FiniteRange
from procdemo.cli.output_files import open_outputs, output_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_OPTIONS = [
    click.Option(["-m", "module"], metavar="MODULE", help="Watch python -m MODULE; the rest is for it."),
    click.Option(
        ["--still"],
        type=FiniteRange(min=0.2, max=86400),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="It hangs if it waits for itself for so long.",
    ),
    click.Option(
        ["--timeout"],
        type=FiniteRange(min=0),
        default=0.0,
        metavar="SECONDS",
        help="Show what it does after so long; 0 for never.",
    ),
    click.Option(
        ["--on-hang"],
        type=Choice(["report", "kill"]),
        default="report",
        show_default=True,
        help="kill ends it if it hangs, and at --timeout; exit 4.",
    ),
    click.Option(["--python"], metavar="PATH", help="The Python that runs the script."),
]
_FILES = [
    *output_options(record=False, live=False),
    click.Option(["--record"], metavar="FILE", help="Record what is seen, for replay."),
    click.Option(["--live"], is_flag=True, help="Lanes on stderr while it runs; its output is piped."),
]
_COMMON = [option for option in common_options() if option.name != "json"]


def _files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list["CompletionItem"]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


_PROGRAM = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED, shell_complete=_files)


class WatchCommand(click.Command):
    """Reads its own options up to the script, to ``-m MODULE`` or to ``--``; the rest is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        own, rest, is_command = self._split(ctx, list(args))
        ctx.meta["procdemo.is_command"] = is_command
        return super().parse_args(ctx, [*own, "--", *rest] if rest else own)

    def _split(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str], bool]:
        """Return our arguments, those of the program, and whether these are a command."""
        with_value = set(self._names_with_value(ctx))
        place = 0
        while place < len(args):
            word = args[place]
            if word == "--":
                return args[:place], args[place + 1 :], True
            if word == "-" or not word.startswith("-"):
                return args[:place], args[place:], False
            place += 2 if word in with_value else 1
            if word == "-m" or (word.startswith("-m") and not word.startswith("--")):
                return args[:place], args[place:], False
        return args, [], False

    def _names_with_value(self, ctx: click.Context) -> Iterator[str]:
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and not (param.is_flag or param.count):
                yield from param.opts

    def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
        """Return what the help shows after the command's name."""
        return ["[OPTIONS] (SCRIPT.py | -m MODULE | -- COMMAND) [ARGS]..."]


@click.command("watch", cls=WatchCommand, params=[*_OPTIONS, *_FILES, *_COMMON, _PROGRAM])
@click.pass_context
def watch(ctx: click.Context, /, words: tuple[str, ...], module: str | None, **values: Any) -> None:
    """Run your program, and say why it hangs if it does (Linux).

    The program has the terminal, and ends with its own exit status; 128+N if signal N killed it. What watch
    says is on stderr: an X-ray while the program hangs; at the end lanes of all processes and threads, the
    answer, and what is left. A program that sleeps, computes, has a time limit or waits for a client or for
    you has not hung. watch ends nothing unless you add --on-hang kill; then the exit status is 4.

    Options after the script are the program's own. Another terminal: procdemo xray PID, at any time.

    \b
    Examples:
      procdemo watch bank.py
      procdemo watch --still 2 -m pytest -x
      procdemo watch --on-hang kill --timeout 600 -- pytest -x
      procdemo watch --record run.jsonl -o run.html bank.py
    """
    view = chosen_view({**values, "json": False})
    if view.json:
        raise click.UsageError("watch has no --json, because stdout is the program's: --record FILE.")
    if any(name[:1] == "-" for name in (*values["output"], values["record"] or "")):
        raise click.UsageError("stdout is the program's own: name a file for -o and --record.")
    if not (words or module):
        raise click.UsageError("name a script, -m MODULE, or -- and a command.")
    from procdemo.cli import watch as watching
    from procdemo.runtime.watched_program import WatchOptions

    def outputs() -> ViewOptions:
        return view._replace(outputs=open_outputs(values, json=False))

    what = watching.target(
        words,
        module=module or "",
        is_command=ctx.meta["procdemo.is_command"],
        python=values["python"] or "",
    )
    options = WatchOptions(values["still"], values["timeout"], values["on_hang"] == "kill")
    sys.exit(watching.watch(what, options, view, outputs))
