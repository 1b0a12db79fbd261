"""The commands that are not demos; imported when one of them is called."""

import sys
from typing import Any

import click

from procdemo.catalog import BENCHES, DEMOS, find
from procdemo.cli.common_options import chosen_view, common_options, hint_for, in_two_columns
from procdemo.cli.exit_codes import MISSING
from procdemo.cli.option_types import Choice, FiniteRange, WholeNumber
from procdemo.cli.output_files import open_outputs, output_options
from procdemo.cli.watch_command import watch
from procdemo.demo.text import quoted


@click.command("list", params=common_options())
def list_(**values: Any) -> None:
    """List the demos, one a line.

    \b
    Example:
      procdemo list
    """
    import json

    demos = (*DEMOS, *BENCHES)
    width = max(len(demo.name) for demo in demos)
    as_json = chosen_view(values).json
    for demo in demos:
        facts = {"name": demo.name, "summary": demo.summary}
        click.echo(json.dumps(facts) if as_json else in_two_columns(demo.name, demo.summary, width))


_FULL = click.Option(["--full"], is_flag=True, help="The demo's own module instead.")
_SAVE = click.Option(["-o", "--output"], metavar="FILE", help="Save it as FILE instead; - is stdout.")
_FORCE = click.Option(["--force"], is_flag=True, help="Overwrite FILE if it exists.")


@click.command(
    params=[click.Argument(["name"], nargs=-1, required=True), _FULL, _SAVE, _FORCE, *common_options()]
)
def source(name: tuple[str, ...], full: bool, output: str | None, force: bool, **values: Any) -> None:
    """Print a demo as a plain script: the code to take home.

    The script has at most 40 lines, needs only the standard library, and shows the same lesson. It is not
    as robust as the demo: --full prints the demo's own module. The lab and the benches have no plain
    script, so their module is printed.

    \b
    Examples:
      procdemo source pool-server
      procdemo source pool-server -o pool_server.py
      procdemo source pool-server --full
      procdemo source bench queues
    """
    wanted = " ".join(name)
    demo = find(wanted)
    if demo is None:
        hint = hint_for(wanted, [demo.name for demo in (*DEMOS, *BENCHES)])
        raise click.BadParameter(f"no demo called {quoted(wanted)}. {hint}", param_hint="NAME")
    from procdemo.cli.source_code import save_source, show_source, source_of

    view = chosen_view(values)
    code = source_of(demo, full=full)
    if output is None:
        show_source(code, view)
    else:
        save_source(code, output, force=force)


_PACE = click.Option(
    ["--pace"], type=FiniteRange(), metavar="X", help="Speed: 1 is real time, 0.1 ten times slower."
)


@click.command(
    params=[
        click.Argument(["file"], type=click.File("rb")),
        *output_options(record=False),
        _PACE,
        *common_options(),
    ]
)
def replay(file: Any, pace: float | None, **values: Any) -> None:
    """Show a recorded run again, or draw it into files.

    \b
    Examples:
      procdemo prodcons --record run.jsonl
      procdemo replay run.jsonl
      procdemo replay run.jsonl --pace 0.2 --live
      procdemo replay run.jsonl -o run.html -o run.svg
      procdemo prodcons --json | procdemo replay -
    """
    from procdemo.cli.replay import replay_log

    if pace is not None and not 0 < pace < 1e6:  # noqa: PLR2004
        raise click.BadParameter("a number above 0, e.g. 0.2 for five times as slow.", param_hint="--pace")
    view = chosen_view(values)
    view = view._replace(outputs=open_outputs(values, json=view.json))
    sys.exit(replay_log(file, view, pace))


_PID = click.Argument(["pid"], required=False, type=WholeNumber(1, 2**31 - 1))
_ARGS = click.Option(["--args"], is_flag=True, help="Show command lines, too; they can hold secrets.")


@click.command(params=[_PID, _ARGS, *common_options()])
def xray(pid: int | None, args: bool, **values: Any) -> None:
    """Why does my program hang? One picture of it (Linux).

    For each process and thread below PID: what it does, its line of Python, and what it waits for; the
    circle of threads that wait for each other, if there is one; the answer in the last line. The program
    lives on and is not held. Without PID: the Python programs that may be looked at.

    Lines of Python need py-spy (the extra xray). Exit status: 0 there is a picture, 1 no such program,
    3 a right is missing, or this is not Linux. With --json: a row named thread for each thread, then the
    summary with verdict, answer and circle.

    \b
    Examples:
      procdemo xray
      procdemo xray 4711
      procdemo xray 4711 --args
      procdemo xray 4711 --json | tail -n 1
    """
    from procdemo.cli.xray import list_programs, show_xray

    view = chosen_view(values)
    sys.exit(list_programs(view, args=args) if pid is None else show_xray(pid, view, args=args))


@click.command(
    params=[
        click.Argument(["step"], required=False, type=WholeNumber(1)),
        click.Option(["--from"], type=WholeNumber(1), metavar="N", help="Begin at step N."),
        click.Option(["--list"], is_flag=True, help="List the steps."),
        click.Option(["--auto"], is_flag=True, help="Without a question and without a pause."),
        *common_options(),
    ]
)
def tour(step: int | None, auto: bool, **values: Any) -> None:
    """A tour of ten minutes: a question, a run, what you saw.

    Twelve steps: the six commands of the notes, then a killed worker, a lost update, the GIL, a hang with
    its X-ray, a script of your own, and where to go next. Guess first: a wrong guess costs nothing. Without
    a terminal it goes on by itself, as with --auto.

    \b
    Examples:
      procdemo tour
      procdemo tour 4
      procdemo tour --from 7
      procdemo tour --list
      procdemo tour --auto
    """
    from procdemo.cli.tour import give_tour, list_steps
    from procdemo.tour.step import steps

    view = chosen_view(values)
    if values["list"]:
        sys.exit(list_steps(view))
    first = step or values["from"] or 1
    if first > len(steps()):
        raise click.UsageError(f"there are {len(steps())} steps; procdemo tour --list shows them.")
    chosen = steps()[first - 1 : first if step else None]
    sys.exit(give_tour(chosen, view, auto=auto))


_KIND = click.Argument(["kind"], type=Choice(["race", "queue", "pool", "exit", "lab"]))
_SEED = click.Option(
    ["-s", "--seed"],
    type=WholeNumber(),
    default=0,
    show_default=True,
    help="Same seed, same problems.",
)
_COUNT = click.Option(
    ["-n", "--count"], type=WholeNumber(1, 100), default=3, show_default=True, help="How many problems."
)
_CHECK = click.Option(["-c", "--check"], is_flag=True, help="Run each problem, and show its answer.")
_ANSWERS = click.Option(
    ["--answers"],
    type=click.Path(),
    metavar="FILE",
    help="Check the answers of a file with lines N: answer.",
)


@click.command(params=[_KIND, _SEED, _COUNT, _CHECK, _ANSWERS, *common_options()])
def quiz(kind: str, seed: int, count: int, check: bool, answers: str | None, **values: Any) -> None:
    """Homework: problems that a real run answers.

    The kinds: race (the order of steps), queue (which side is blocked first), pool (which client leaves
    first), exit (the exitcode of a child), lab (what a script does).

    The same seed gives the same problems on every Python. With --answers the exit status is 1 if an answer
    is wrong or missing.

    \b
    Examples:
      procdemo quiz race
      procdemo quiz pool --seed 7 -n 5
      procdemo quiz pool --seed 7 -n 5 -c
      procdemo quiz pool --seed 7 -n 5 --answers my-answers.txt
    """
    from pathlib import Path

    from procdemo.cli.quiz import give_quiz

    if check and answers is not None:
        raise click.UsageError("-c shows the answers, and --answers checks yours: one of both.")
    view = chosen_view(values)
    sheet = Path(answers) if answers is not None else None
    sys.exit(give_quiz(kind, seed=seed, count=count, check=check, sheet=sheet, view=view))


@click.command(
    params=[
        click.Argument(["first"], metavar='"A"'),
        click.Argument(["second"], metavar='"B"'),
        *output_options(record=False, live=False),
        *common_options(),
    ]
)
def compare(first: str, second: str, **values: Any) -> None:
    """Draw two demos on one axis of time.

    A and B are command lines, each in quotes. They run one after the other. A server needs --clients, and
    gets a free port. The exit status is the larger one of the two.

    \b
    Examples:
      procdemo compare "pool-server --clients 6" "echo-server --clients 6"
      procdemo compare "prodcons" "prodcons --consumers 4"
      procdemo compare "race --schedule AAABBB" "race" -o both.html
    """
    from procdemo.cli.compare import compare_runs

    view = chosen_view(values)
    view = view._replace(outputs=open_outputs(values, json=view.json))
    sys.exit(compare_runs((first, second), view))


_SHELL = click.Argument(["shell"], type=Choice(["bash", "fish", "powershell", "zsh"]))


@click.command(params=[_SHELL, *common_options()])
def completion(shell: str, **values: Any) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Examples:
      procdemo completion bash
      eval "$(procdemo completion bash)"        (in ~/.bashrc)
      procdemo completion fish > ~/.config/fish/completions/procdemo.fish
    """
    from click.shell_completion import get_completion_class

    from procdemo.demo.settings import pip_install

    chosen_view(values)
    complete = get_completion_class(shell)
    if complete is None:  # click has PowerShell's from 8.5 on
        message = f"error: this click cannot complete in {shell}\ntry: {pip_install('-U click')}"
        click.echo(message, err=True)
        sys.exit(MISSING)
    root = click.get_current_context().find_root().command
    click.echo(complete(root, {}, "procdemo", "_PROCDEMO_COMPLETE").source())


@click.command("help", params=[click.Argument(["command"], nargs=-1), *common_options()])
@click.pass_context
def help_(ctx: click.Context, /, command: tuple[str, ...], **_: Any) -> None:
    """Show the help of a command; without a name, of procdemo.

    \b
    Examples:
      procdemo help
      procdemo help pool-server
      procdemo help bench start
    """
    root = ctx.find_root().command
    root.main([*command, "--help"], prog_name="procdemo", standalone_mode=False)


COMMANDS: dict[str, click.Command] = {
    command.name or "": command
    for command in (tour, list_, source, replay, watch, xray, quiz, compare, completion, help_)
}
"""By name."""
