"""The command line: one command for each demo of the catalog, imported when it is called.

Exit status: 0 done; 1 the demo or a check failed, or work was lost; 2 usage; 3 something
of Python or the platform is missing; 4 time limit; 129 hang-up, 130 Ctrl-C, 143 SIGTERM (0 in a
server that drained); 141 the reader of stdout has closed the pipe.

What ``--help`` does not need is imported where it is used: the first screen is there at once.
"""

import contextlib
import errno
import gc
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from procdemo import __version__
from procdemo.catalog import BENCHES, CHAPTERS, DEMOS, OTHER_COMMANDS, Demo
from procdemo.cli.common_options import common_options, hint_for
from procdemo.cli.demo_command import demo_command
from procdemo.cli.docstrings import docstring
from procdemo.cli.exit_codes import DONE, FAILED, INTERRUPTED, READER_GONE

_OUTPUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EBADF}
_EXAMPLES = """Examples:
  procdemo spawn
  procdemo pool-server --workers 2 --clients 3 --port 0
  procdemo prodcons --producers 2
"""
_FIRST_EXAMPLE = "procdemo pool-server --clients 3"
_BENCH_EXAMPLES = """Examples:
  procdemo bench start
  procdemo bench queues --budget 10
  procdemo bench pools --json > old.jsonl
  procdemo bench pools --compare old.jsonl
"""
_EXIT_CODES = """Exit status: 0 done, 1 failed or work lost, 2 wrong usage, 3 something
of Python or the platform is missing, 4 time limit, 130 Ctrl-C, 143 SIGTERM.
"""


@contextlib.contextmanager
def _exit_if_reader_is_gone() -> Iterator[None]:
    """Let click exit with our status if the reader of stdout is gone; its own would be 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise click.exceptions.Exit(READER_GONE) from error


class DemoGroup(click.Group):
    """A group of demos and other commands; knows their names and summaries without importing them."""

    def __init__(
        self,
        *args: Any,
        demos: Sequence[Demo] = DEMOS,
        others: Mapping[str, str] = OTHER_COMMANDS,
        examples: str = _EXAMPLES,
        **kwargs: Any,
    ) -> None:
        """Make a command for each of `demos`, and one for each name in `others`, which has the summaries.

        `examples` is the top of the help. The rest is for click.
        """
        super().__init__(*args, **kwargs)
        self._demos = {demo.name.rpartition(" ")[2]: demo for demo in demos}
        self._others = others
        self._examples = examples

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments; this may also print a help page."""
        with _exit_if_reader_is_gone():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _exit_if_reader_is_gone():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the demos in teaching order, then the other commands."""
        return [*self._demos, *self._others]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of this name; the error for a wrong name suggests a similar one.

        What it needs is imported by now, so the garbage collector, which `procdemo.__main__` has switched
        off, is switched on again, and leaves alone what lives until the end.
        """
        if args[0] not in self.list_commands(ctx):
            from procdemo.demo.text import quoted

            ctx.fail(f"No such command {quoted(args[0])}. {hint_for(args[0], self.list_commands(ctx))}")
        found = super().resolve_command(ctx, args)
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        return found

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, made from the demo's module if it is one of a demo."""
        demo = self._demos.get(cmd_name)
        return demo_command(demo) if demo else self._other_command(cmd_name)

    def _other_command(self, name: str) -> click.Command | None:
        if name not in self._others:
            return None
        command = self.commands.get(name)
        if command is None:
            from procdemo.cli.commands import COMMANDS

            command = COMMANDS[name]
        if command and not command.help:  # python -OO
            command.help = docstring(command.callback)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries, chapter by chapter."""
        chapters = CHAPTERS if self._others else {"Commands": tuple(self._demos)}
        for title, names in chapters.items():
            with formatter.section(title):
                formatter.write_dl([(name, self._summary(name)) for name in names])

    def _summary(self, name: str) -> str:
        demo = self._demos.get(name)
        return demo.summary if demo else self._others[name]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples first."""
        formatter.write(f"\n{self._examples}")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit status last."""
        formatter.write(f"\n{_EXIT_CODES}")


class FirstScreen(DemoGroup):
    """What ``procdemo`` alone shows: the demos on one screen, the other commands by name."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write it all; with a prompt below it must fit in 24 lines."""
        formatter.write(f"Usage: procdemo COMMAND [OPTIONS], e.g. {_FIRST_EXAMPLE}\n")
        width = 2 + max(map(len, self._demos))
        for title, names in CHAPTERS.items():
            if any(name in self._demos for name in names):
                rows = [f"  {name:<{width}}{self._summary(name)}\n" for name in names]
                formatter.write("".join([f"{title}:\n", *rows]))
        others = [(title, CHAPTERS[title]) for title in ("Your own program", "Measure and keep")]
        formatter.write("\n".join(f"{title}: {', '.join(names)}" for title, names in others))
        formatter.write("\nMore: procdemo COMMAND -h (short), COMMAND --help (all), procdemo --help.\n")


@click.group(
    "bench",
    cls=DemoGroup,
    demos=BENCHES,
    others={},
    examples=_BENCH_EXAMPLES,
    short_help=OTHER_COMMANDS["bench"],
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """See what each design costs on your own machine."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@click.group(
    cls=DemoGroup,
    commands=[bench],
    params=common_options(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PROCDEMO"},
)
@click.version_option(__version__, message="procdemo %(version)s")
@click.pass_context
def main(ctx: click.Context, /, **_: Any) -> None:
    """See Python's process patterns run on your own machine."""
    if ctx.invoked_subcommand is None:
        group = FirstScreen("procdemo")
        click.echo(group.get_help(click.Context(group, info_name="procdemo")))


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
        return status if isinstance(status, int) else DONE
    except SystemExit as leave:
        # Rich turns a BrokenPipeError into an exit with status 1.
        return READER_GONE if isinstance(leave.__context__, BrokenPipeError) else int(leave.code or 0)
    except click.ClickException as error:
        from procdemo.demo.text import printable

        message = io.StringIO()
        error.show(message)
        click.echo("\n".join(map(printable, message.getvalue().splitlines())), err=True)  # quotes arguments
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - an error in two lines, never the interpreter's traceback
        no_output = isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS
        return _no_output(error) if no_output else _failed(error)


def _failed(error: Exception) -> int:
    """Report an error in two lines; with ``--debug``, raise an unexpected one with its traceback."""
    from procdemo.demo.settings import CannotRunError
    from procdemo.demo.text import printable
    from procdemo.process import shortage

    known = error if isinstance(error, CannotRunError) else shortage.named(error)
    if known:
        click.echo(f"error: {printable(known)}\ntry: {printable(known.hint)}", err=True)
        return known.exit_code
    if "--debug" in sys.argv or os.environ.get("PROCDEMO_DEBUG"):
        raise error
    click.echo(
        f"error: {type(error).__name__}: {printable(error)}\ntry: the same with --debug, to see where",
        err=True,
    )
    return FAILED


def _can_read_stdin() -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    return fcntl.fcntl(0, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY


def _no_output(error: Exception) -> int:
    """Report in a line that stdout cannot be written to; say nothing if its reader has closed the pipe."""
    if isinstance(error, BrokenPipeError):
        return READER_GONE
    with contextlib.suppress(OSError):  # a closed terminal: stderr cannot be written to, either
        unreadable = isinstance(error, OSError) and error.errno == errno.EBADF and not _can_read_stdin()
        what = "read stdin, which is open for writing only" if unreadable else "write the output"
        click.echo(f"error: cannot {what}: {getattr(error, 'strerror', None) or error}", err=True)
    return FAILED
