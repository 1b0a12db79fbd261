"""Help pages: ``-h`` is one screen with a demo's own options; ``--help`` is everything, in groups."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from procdemo.demo.settings import HelpGroup

KEEP = "\b\n"
"""Begins a paragraph that click does not wrap anew."""
_EXAMPLES = 4  # on the short page


class DemoCommand(click.Command):
    """A command whose options stand in groups."""

    def __init__(
        self, name: str, *, groups: Mapping[HelpGroup, Sequence[click.Parameter]], text: str, **kwargs: Any
    ) -> None:
        """Make the command of a demo.

        Args:
            name: As it is typed after ``procdemo``, e.g. ``bench start``.
            groups: Its parameters, by the part of the help page in which they stand.
            text: What stands above the options: a module's docstring. Its drawing, its examples and the
                bullets of *What to watch* keep their lines.
            kwargs: The rest is for click.
        """
        short = click.Option(
            ["-h"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=self._show_short_page,
            help="Show this lesson's own options only.",
        )
        self._groups = {group: list(groups.get(group, [])) for group in HelpGroup}
        self._groups[HelpGroup.OUTPUT].append(short)
        self._paragraphs = text.split("\n\n")
        super().__init__(
            name,
            params=[parameter for members in self._groups.values() for parameter in members],
            help="\n\n".join(map(_unwrapped, self._paragraphs)),
            context_settings={"help_option_names": ["--help"]},
            **kwargs,
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group below its name."""
        last = self.get_help_option(ctx)
        for group, members in self._groups.items():
            shown = [*members, *([last] if last and group is HelpGroup.OUTPUT else [])]
            records = [record for option in shown if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(group):
                    formatter.write_dl(records)

    def _show_short_page(self, ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        """Write one screen, and end: the summary, the examples, the lesson's options with their defaults."""
        if not wanted:
            return
        import textwrap  # noqa: PLC0415 - only for this page

        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        examples = next(part for part in self._paragraphs if part.removeprefix(KEEP).startswith("Try:"))
        formatter.write(f"\n{textwrap.indent(self._paragraphs[0], '  ')}\n\n")
        formatter.write("\n".join(examples.removeprefix(KEEP).splitlines()[: 1 + _EXAMPLES]) + "\n")
        records = [_short_record(option, ctx) for option in self._groups[HelpGroup.LESSON]]
        with formatter.section(HelpGroup.LESSON):
            formatter.write_dl([record for record in records if record])
        formatter.write(f"\nMore options, and what to watch: {ctx.command_path} --help\n")
        click.echo(formatter.getvalue().rstrip("\n"))
        ctx.exit()


def _unwrapped(paragraph: str) -> str:
    """Return the paragraph, marked if its lines are to stay as they are: drawings, examples, bullets."""
    return KEEP + paragraph.removeprefix(KEEP) if "\n  " in paragraph else paragraph


def _short_record(parameter: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    """Return an option's names and its help with the default, but without the allowed range."""
    record = parameter.get_help_record(ctx)
    if record is None or not isinstance(parameter, click.Option):
        return record
    default = parameter.get_help_extra(ctx).get("default")
    return record[0], f"{parameter.help}  [{default}]" if default else f"{parameter.help}"
