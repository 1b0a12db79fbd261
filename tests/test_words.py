"""Plain words: what a user reads names the thing, and has short sentences."""

import ast
import importlib
import re
import tomllib
from pathlib import Path

import procdemo
from procdemo.catalog import BENCHES, DEMOS
from procdemo.lab.lesson import lessons

PACKAGE = Path(procdemo.__file__).parent
ROOT = PACKAGE.parent
HARD_WORDS = re.compile(r"\b(whoever|somebody|everybody|anybody|nobody|whom|whomever)\b", re.IGNORECASE)
MOST_WORDS = 20
END = re.compile(r"(?<=[.?!])\s+|\n\n|\n(?= *- |try: )")
TEXTS = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in {".py", ".js", ".html", ".toml"} and "vendor" not in path.parts
]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
NO_SENTENCES = {"svg.py", "stdlib_docs.py"}  # they have a template, and a list of modules
MODULES = [
    path
    for path in TEXTS
    if path.suffix == ".py" and path.name not in NO_SENTENCES and not {"lessons", "plain"} & set(path.parts)
]


def long_sentences(text):
    """Return the sentences of `text` that have more than 20 words; a field in braces counts as one."""
    words = re.compile(r"\S*\w\S*")
    sentences = END.split(re.sub(r"\{[^}]*\}", "x", text))
    long = [" ".join(each.split()) for each in sentences if len(words.findall(each)) > MOST_WORDS]
    return [each for each in long if not each.startswith("Exit status: ")]  # that is a list


def literals(path):
    """Yield the texts in a module that are no docstrings: what is computed in them is an x."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
            yield "".join(
                str(value.value) if isinstance(value, ast.Constant) else "x" for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def test_a_sentence_names_the_thing():
    found = {
        f"{path.relative_to(ROOT)}:{number}": line.strip()
        for path in [*TEXTS, *PAGES]
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if HARD_WORDS.search(line) and 'not "whoever"' not in line
    }
    assert found == {}


def test_the_sentences_of_screens_are_short():
    found = {
        str(path.relative_to(ROOT)): long
        for path in MODULES
        if (long := [each for text in literals(path) for each in long_sentences(text)])
    }
    assert found == {}


def test_what_to_watch_is_short():
    texts = {demo.name: importlib.import_module(demo.module).__doc__ for demo in (*DEMOS, *BENCHES)}
    found = {name: long_sentences(text.partition("\b")[0]) for name, text in texts.items()}
    assert {name: long for name, long in found.items() if long} == {}


def test_the_sentences_of_lessons_are_short():
    said = {lesson.name: (lesson.title, lesson.claim, *lesson.why) for lesson in lessons().values()}
    found = {name: long for name, texts in said.items() if (long := long_sentences("\n\n".join(texts)))}
    assert found == {}


def test_the_sentences_of_the_tour_are_short():
    steps = tomllib.loads((PACKAGE / "tour" / "steps.toml").read_text("utf-8"))["step"]
    said = [text for step in steps for text in (step["question"], *step["choices"], step["saw"])]
    assert [long for text in said for long in long_sentences(text)] == []


def test_a_long_sentence_is_found():
    assert long_sentences("word " * 21 + "{a b c}. Short.") == ["word " * 21 + "x."]
    assert long_sentences("word " * 19 + "{a b c}. Short.") == []
