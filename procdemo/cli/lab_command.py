"""What ``procdemo lab`` does before a run: it lists the lessons, prints their code, asks for a guess."""

import dataclasses
import json
import sys
from typing import Any

import click

from procdemo.cli.common_options import ViewOptions
from procdemo.cli.option_types import Choice
from procdemo.cli.source_code import show_source
from procdemo.lab.demo import ALSO, Config
from procdemo.lab.lesson import CHAPTERS, VERDICTS, Lesson, find, lessons

_QUESTION = "What will broken.py do: OK (it ends well), LOST (work is missing), ERROR, or HUNG?"


def prepare(config: Config, view: ViewOptions) -> Config | None:
    """Do what the options ask for before a run. Return the settings for the run; None if there is none.

    Raises:
        CannotRunError: there is no such lesson.
        click.UsageError: the options do not belong together.
    """
    if config.all and (config.names or config.predict or config.code or config.fixed):
        raise click.UsageError(
            "--all runs every script; it takes neither names nor --code, --fixed, --predict."
        )
    chosen = [find(name) for name in config.names]
    if not (chosen or config.all):
        if config.code or config.predict or config.fixed:
            raise click.UsageError("name a lesson; procdemo lab lists them.")
        _list(as_json=view.json)
        return None
    if config.code:
        for lesson in chosen:
            _show(lesson, config, view)
        return None
    if config.predict:
        return dataclasses.replace(config, guess=_ask(chosen))
    return config


def _list(*, as_json: bool) -> None:
    width = max(map(len, lessons()))
    chapter = ""
    for lesson in lessons().values():
        if as_json:
            facts = {
                "name": lesson.name,
                "title": lesson.title,
                "chapter": lesson.chapter,
                "notes": lesson.notes,
            }
            click.echo(json.dumps(facts))
            continue
        if lesson.chapter != chapter:
            chapter = lesson.chapter
            click.echo(f"\n{chapter}. {CHAPTERS[chapter]}")
        click.echo(f"  {lesson.name:<{width}}  {lesson.title}")


def _show(lesson: Lesson, config: Config, view: ViewOptions) -> None:
    scripts = [script for script in lesson.scripts if not config.fixed or script.kind == "fixed"]
    for script in scripts or lesson.scripts:
        show_source(script.path.read_text("utf-8"), view)


def _ask(chosen: list[Lesson]) -> Any:
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or len(chosen) != 1:
        raise click.UsageError("--predict asks about one lesson, on a terminal; elsewhere use --guess.")
    lesson = chosen[0]
    click.echo(f"{lesson.title}\n", err=True)
    click.echo(lesson.scripts[0].path.read_text("utf-8"), err=True)
    choice = Choice(VERDICTS, dict(ALSO))
    return click.prompt(_QUESTION, type=choice, show_choices=False, err=True)
