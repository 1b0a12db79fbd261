"""Command lines in documents: whether the command and the options exist. Other tests run the like."""

import shlex

import click

from procdemo.cli import main


def check(line: str) -> None:
    """Parse a command line without its ``procdemo``; a click error is raised for a word that is wrong."""
    command: click.Command = main.main
    context = click.Context(command, **command.context_settings)
    words = shlex.split(line)
    while words and isinstance(command, click.Group):
        name, *words = words
        _, found, _ = command.resolve_command(context, [name])
        assert found is not None, line
        command = found
    command.make_context(line, words, parent=context).close()  # it may have opened files
