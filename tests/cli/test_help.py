"""Help pages: the first screen, the chapters, the short page of a demo, the groups of its options."""

import re

import pytest
from harness import run
from in_process import both_ways, run_here
from rich.cells import cell_len

from procdemo import catalog

DEMOS = [demo.name for demo in catalog.DEMOS]
COMMANDS = [*DEMOS, *catalog.OTHER_COMMANDS]

each_command = pytest.mark.parametrize("name", COMMANDS)


def test_procdemo_alone_is_a_screen_with_room_for_the_prompt():
    lines = run().assert_clean().stdout.splitlines()
    assert len(lines) <= 23
    assert max(map(cell_len, lines)) <= 80
    assert "e.g. procdemo pool-server" in lines[0]
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in DEMOS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_the_group_names_every_command_and_exit_status(flag):
    output = run(flag).assert_clean().stdout
    assert all(output.count(f"\n  {name} ") == 1 for name in COMMANDS)
    assert all(f"{code} " in output for code in (0, 1, 2, 3, 4, 130, 143))
    below = output.partition("Start here:")[2].partition("Exit status:")[0]
    assert all(len(line.split("  ")[-1]) <= 58 for line in below.splitlines())


@each_command
@both_ways
def test_each_help_page_has_an_example_and_fits(run, name):
    output = run(name, "--help").assert_clean().stdout
    assert re.search(rf"^ +procdemo {name}", output, re.MULTILINE)
    assert max(map(cell_len, output.splitlines())) <= 80
    assert name == "watch" or "--json" in output  # the stdout of watch is that of the program
    assert run_here("help", name).assert_clean().stdout == output


@pytest.mark.parametrize(
    "name", [*DEMOS, *(f"bench {name}" for name in ("servers", "start", "queues", "pools"))]
)
def test_the_short_page_of_a_demo_is_one_screen_of_its_own_options(name):
    short = run_here(*name.split(), "-h").assert_clean().stdout.splitlines()
    assert len(short) <= 23
    assert max(map(cell_len, short)) <= 80
    assert f"  procdemo {name}" in "\n".join(short)
    assert short[-1] == f"More options, and what to watch: procdemo {name} --help"
    options = [line.split()[0] for line in short[short.index("This lesson:") :] if line.startswith("  -")]
    assert options
    assert not {"--json", "--kill", "--grace"} & set(options)


def test_the_groups_of_a_help_page():
    page = run_here("prefork-server", "--help").stdout
    groups = re.split(r"^(This lesson|Time and output|Break it|Limits):$", page, flags=re.MULTILINE)
    options = {
        title: set(re.findall(r"--[\w-]+", text))
        for title, text in zip(groups[1::2], groups[2::2], strict=True)
    }
    assert {"--workers", "--clients", "--stay", "--port"} <= options["This lesson"]
    assert {"--timeout", "--json", "--live", "--help"} <= options["Time and output"]
    assert {"--kill", "--stop", "--chaos", "--seed"} <= options["Break it"]
    assert {"--grace", "--heartbeat", "--max-connections", "--host"} <= options["Limits"]
