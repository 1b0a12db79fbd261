"""A setting is declared once, in the demo's `Config`; here it becomes an option."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import click
import pytest
from in_process import run_here

from procdemo.cli.demo_options import parameters
from procdemo.demo.settings import Arg, HelpGroup, LimitArg, Settings, StartMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """One field of each type."""

    words: Annotated[tuple[str, ...], Arg("Words.", positional=True, metavar="WORD")] = ()
    workers: Annotated[int, Arg("Workers to start.", min=1, max=9, short="-n")] = 2
    queue_size: Annotated[int | None, Arg("Items, or none for no limit.", min=0)] = None
    pace: Annotated[float, Arg("How slow.", min=0, metavar="SECONDS")] = 0.5
    loud: Annotated[bool, Arg("Whether to shout.")] = False
    style: Annotated[Literal["plain", "fancy"], Arg("Which way.")] = "plain"
    site: Annotated[Path | None, Arg("Where it is.")] = None
    name: Annotated[str, Arg("What it is called.")] = "no name"
    most: Annotated[int, LimitArg("Most of them.", min=1)] = 100
    hidden: int = 7


def options():
    return [option for group in parameters(Config).values() for option in group]


def parse(*args):
    command = click.Command("it", params=options())
    return Config(**command.make_context("it", list(args)).params)


def test_without_options_it_is_the_default_config():
    assert parse() == Config()


def test_every_option_reaches_its_field():
    words = "--queue-size 5 --pace 2 --loud --style fancy --site /tmp --name x -n 3 --start-method spawn a b"
    config = parse(*words.split())
    assert config == Config(
        words=("a", "b"),
        workers=3,
        queue_size=5,
        pace=2.0,
        loud=True,
        style="fancy",
        site=Path("/tmp"),
        name="x",
        start_method=StartMethod.SPAWN,
    )
    assert type(config.start_method) is StartMethod
    assert type(config.site) is type(Path())


def test_an_option_stands_in_its_group_of_the_help():
    assert {option.name for option in parameters(Config)[HelpGroup.LIMITS]} == {"most"}
    assert "workers" in {option.name for option in parameters(Config)[HelpGroup.LESSON]}


def test_a_field_without_arg_is_no_option():
    assert "hidden" not in {parameter.name for parameter in options()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-n 0", "it must be between 1 and 9, and '0' is not"),
        ("-n 10", "it must be between 1 and 9, and '10' is not"),
        ("-n x", "'x' is not a whole number"),
        ("--queue-size -1", "it must be at least 0, and '-1' is not"),
        ("--pace -0.1", "it must be at least 0, and '-0.1' is not"),
        ("--pace nan", "nan"),
        ("--pace inf", "inf"),
        ("--style neither", "'neither' is none of plain, fancy"),
        ("--start-method teleport", "none of fork, spawn, forkserver"),
        ("--hidden 8", "No such option"),
    ],
)
def test_the_error_for_a_wrong_value_names_what_is_allowed(words, message):
    with pytest.raises(click.UsageError) as refusal:
        parse(*words.split())
    assert message in refusal.value.format_message()


def test_the_help_has_the_range_and_the_default_of_an_option():
    command = click.Command("it", params=options())
    output = " ".join(command.get_help(click.Context(command)).split())
    assert "-n, --workers N Workers to start. [default: 2; between 1 and 9]" in output
    assert "--pace SECONDS How slow. [default: 0.5; at least 0]" in output
    assert "--style [plain|fancy] Which way. [default: plain]" in output
    assert output.startswith("Usage: [OPTIONS] WORD ")


def test_an_earlier_name_is_refused_with_the_new_one():
    result = run_here("echo-client", "--timeout", "3", "hello").assert_clean(status=2, stderr_lines=4)
    assert "--timeout is called --wait now; try: --wait 3" in result.stderr
    assert "--timeout" not in run_here("echo-client", "--help").stdout
