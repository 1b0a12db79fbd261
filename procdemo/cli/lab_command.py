"""What ``procdemo lab`` does before a run: it lists the lessons, prints their code, asks for a guess."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Collection, Sequence
from typing import Any

import click

from procdemo.cli.common_options import ViewOptions, in_two_columns
from procdemo.cli.exit_codes import DONE, INTERRUPTED
from procdemo.cli.option_types import Choice
from procdemo.cli.own_command import record
from procdemo.cli.source_code import show_source
from procdemo.lab.bare_code import bare
from procdemo.lab.demo import ALSO, Config
from procdemo.lab.lesson import CHAPTERS, VERDICTS, Lesson, find, lessons, search

_QUESTION = "What will it do: OK (it ends well), LOST (work is missing), ERROR, or HUNG?"


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
    if found := _found_by_words(config):
        _list(found, as_json=view.json)
        if not view.json:
            click.echo("\nprocdemo lab NAME runs one of them.")
        return None
    chosen = _asked_about(config.names) if config.predict else [find(name) for name in config.names]
    if not (chosen or config.all):
        if config.code or config.predict or config.fixed:
            raise click.UsageError("name a lesson; procdemo lab lists them.")
        _list(lessons().values(), as_json=view.json)
        return None
    if config.code:
        for lesson in chosen:
            _show(lesson, config, view)
        return None
    return _predicted(chosen, config, view) if config.predict else config


def _predicted(chosen: Sequence[Lesson], config: Config, view: ViewOptions) -> Config:
    """Ask about one lesson, and return the settings for its run.

    Raises:
        click.UsageError: the options do not belong together.
        SystemExit: there were several lessons, and each has been run.
    """
    if config.fixed:
        raise click.UsageError("--predict asks about the script that may go wrong: leave --fixed out.")
    if len(chosen) > 1:
        sys.exit(_ask_about_all(chosen, config, view))
    return dataclasses.replace(config, names=(chosen[0].name,), guess=_ask(chosen[0]))


def _found_by_words(config: Config) -> list[Lesson]:
    """Return the lessons that have all the words; none if these are names, or if lessons are to be run."""
    names_needed = config.code or config.predict or config.fixed or config.guess
    return [] if names_needed or lessons().keys() >= set(config.names) else search(config.names)


def _list(found: Collection[Lesson], *, as_json: bool) -> None:
    width = max(len(lesson.name) for lesson in found)
    chapter = ""
    for lesson in found:
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
        click.echo(in_two_columns(f"  {lesson.name}", lesson.title, width + 2))


def _show(lesson: Lesson, config: Config, view: ViewOptions) -> None:
    scripts = [script for script in lesson.scripts if not config.fixed or script.kind == "fixed"]
    for script in scripts or lesson.scripts:
        show_source(script.path.read_text("utf-8"), view)


def _asked_about(names: Sequence[str]) -> list[Lesson]:
    """Return the lessons with these names; for a word that is no name, those that have the word.

    Raises:
        CannotRunError: there is no such lesson.
        click.UsageError: there is no terminal to answer on.
    """
    found = dict.fromkeys(
        each.name for name in names for each in ([] if name in lessons() else search([name])) or [find(name)]
    )
    if found and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("--predict asks, on a terminal; elsewhere use --guess, for one lesson.")
    return [find(name) for name in found]


def _ask(lesson: Lesson) -> Any:
    """Show the bare code of a lesson, and return what the person thinks that it will do."""
    click.echo(f"Chapter {lesson.chapter}: {CHAPTERS[lesson.chapter]}\n", err=True)
    click.echo(bare(lesson.scripts[0].path.read_text("utf-8")), err=True)
    choice = Choice(VERDICTS, dict(ALSO))
    return click.prompt(_QUESTION, type=choice, show_choices=False, err=True)


def _ask_about_all(chosen: Sequence[Lesson], config: Config, view: ViewOptions) -> int:
    """Ask about one lesson after the other, run each, and keep the score; return the exit status."""
    files = click.get_current_context().params
    if view.json or files["output"] or files["record"]:
        raise click.UsageError("--json, -o and --record take one lesson with --predict.")
    method = config.start_method.value
    ready = [each for each in chosen if not each.missing() and (method == "all" or each.methods([method]))]
    status, right, asked = DONE, 0, 0
    with contextlib.suppress(click.Abort, KeyboardInterrupt, EOFError):
        for number, lesson in enumerate(ready, start=1):
            click.echo(f"Lesson {number} of {len(ready)}", err=True)
            status, is_right = _run_with_guess(lesson, str(_ask(lesson)), config, view)
            right, asked = right + is_right, asked + 1
            if status == INTERRUPTED or number == len(ready):
                break
            click.echo(f"\n{_score(right, asked)} Any key: the next lesson   q: leave", err=True)
            if click.getchar() == "q":
                return status
            click.clear()
    click.echo(f"\n{_score(right, asked)}", err=True)
    return status


def _score(right: int, asked: int) -> str:
    return f"You were right in {right} of {asked} lessons."


def _run_with_guess(lesson: Lesson, guess: str, config: Config, view: ViewOptions) -> tuple[int, bool]:
    """Run a lesson in a command of its own; return its exit status, and whether the guess was right."""
    options = ["--start-method", config.start_method.value, *["-v"] * view.verbose]
    options += ["--no-sample"] * config.no_sample
    status, events = record(["lab", lesson.name, "--guess", guess, *options], view)
    return status, any(event.name == "guess" and event.data["judgement"] == "right" for event in events)
