"""Each demo of the catalog keeps the contract of a demo."""

import ast
import dataclasses
import importlib
import inspect
import re
import string
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import procdemo
from procdemo.catalog import BENCHES, DEMOS, find
from procdemo.demo.contract import DemoModule, load
from procdemo.demo.settings import Arg, DemoSettings
from procdemo.demo.story import compose

PACKAGE = Path(procdemo.__file__).parent
PATTERNS = sorted(path for path in PACKAGE.glob("patterns/*.py") if path.name != "__init__.py")
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "lessons" not in path.parts)
FORBIDDEN_IMPORTS = (
    "click",
    "rich",
    "procdemo.runtime.runner",
    "procdemo.render",
    "procdemo.patterns",
    "procdemo.cli",
)

ALL = (*DEMOS, *BENCHES)
each_demo = pytest.mark.parametrize("demo", ALL, ids=lambda demo: demo.name)
each_pattern = pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.stem)


def module(demo):
    return importlib.import_module(demo.module)


def nodes(path, kind):
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kind)]


def dotted(node):
    """Return the name that is called, e.g. ``sys.exit``."""
    return ast.unparse(node)


# --- the catalog and its modules


def test_there_is_a_demo_for_each_pattern():
    patterns = {demo.module.rpartition(".")[2] for demo in DEMOS if not demo.path}
    assert patterns == {path.stem for path in PATTERNS}


def test_names_are_unique_and_found():
    assert len({demo.name for demo in ALL}) == len(ALL)
    assert all(find(demo.name) is demo for demo in ALL)
    assert find("no-such-demo") is None


@each_demo
def test_the_module_has_what_the_command_needs(demo):
    assert isinstance(load(demo.module), DemoModule)
    assert issubclass(module(demo).Config, DemoSettings)


@each_demo
def test_the_docstring_begins_with_the_summary(demo):
    first, rest = inspect.getdoc(module(demo)).split("\n", 1)
    assert first == demo.summary
    assert "What to watch" in rest
    assert "Compare with" in rest
    assert f"procdemo {demo.name}" in rest, "an example"


@each_demo
def test_the_summary_fits_on_a_line_of_a_projector(demo):
    assert len(demo.summary) <= 58
    assert demo.summary.endswith(".")


@each_demo
def test_config_is_frozen_and_valid_without_an_argument(demo):
    config = module(demo).Config()
    assert dataclasses.is_dataclass(config)
    assert not hasattr(config, "__dict__"), "slots"
    for field in dataclasses.fields(config):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(config, field.name, None)


@each_demo
def test_every_setting_is_an_option_with_help(demo):
    hints = get_type_hints(module(demo).Config, include_extras=True)
    for name, hint in hints.items():
        if name in {"verbose", "faults_from_ns"}:
            continue
        args = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Arg)]
        assert len(args) == 1, name
        assert args[0].help.endswith("."), name


@each_demo
def test_run_takes_the_config_and_an_emitter(demo):
    assert list(inspect.signature(module(demo).run).parameters) == ["config", "emit"]
    assert inspect.getdoc(module(demo).run)


@each_demo
def test_sentences_of_the_story_can_be_formatted(demo):
    story = compose(module(demo))
    assert story.sentences
    for name, sentence in (story.sentences | story.details).items():
        fields = [field for _, field, _, _ in string.Formatter().parse(sentence) if field is not None]
        assert all(re.fullmatch(r"\w+", field) for field in fields), name


# --- the source of a pattern is the lesson


SENTENCES = {"STORY", "DETAIL", "CROWDS", "REASONS", "FIRST", "DETAIL_TABLES"}


@each_pattern
def test_a_pattern_has_a_size_to_be_read(path):
    code = path.read_text(encoding="utf-8")
    docstring, *rest = ast.parse(code).body
    assert isinstance(docstring.value.value, str)
    words = [node for node in rest if isinstance(node, ast.Assign) and node.targets[0].id in SENTENCES]
    others = docstring.end_lineno + sum(node.end_lineno - node.lineno + 1 for node in words)
    assert 40 <= len(code.splitlines()) - others <= 130


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_too_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@each_pattern
def test_a_pattern_neither_prints_nor_exits_nor_sets_the_start_method(path):
    called = {dotted(call.func) for call in nodes(path, ast.Call)}
    assert not called & {"print", "sys.exit", "exit", "quit", "os._exit", "input"}
    assert not [name for name in called if name.endswith("set_start_method")]


@each_pattern
def test_a_pattern_imports_neither_screen_nor_another_pattern(path):
    imported = {alias.name for node in nodes(path, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes(path, ast.ImportFrom)}
    assert all(node.level == 0 for node in nodes(path, ast.ImportFrom))
    assert not [name for name in imported if name.startswith(FORBIDDEN_IMPORTS)]


@each_pattern
def test_child_side_functions_take_emit_last(path):
    functions = [
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    for function in functions:
        names = [arg.arg for arg in function.args.args]
        assert "emit" not in names[:-1], function.name


@each_demo
def test_a_block_that_is_imported_is_a_block_of_the_story(demo):
    """Otherwise what the block reports has no sentence on the screen."""
    speaks = {"STORY", "DETAIL", "LANES"}
    used = {value for value in vars(module(demo)).values() if inspect.ismodule(value)} | {
        sys.modules[value.__module__]
        for value in vars(module(demo)).values()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
    ours = {other for other in used if other.__name__.startswith("procdemo.") and speaks & vars(other).keys()}
    assert ours - {module(demo)} <= set(getattr(module(demo), "BLOCKS", ())), demo.name
