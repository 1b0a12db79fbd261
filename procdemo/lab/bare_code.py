"""The code of a script without its comments and docstrings: they often say what it does."""

import ast
import io
import tokenize
from collections.abc import Iterator


def bare(code: str) -> str:
    """Return `code` (of a module, as text) without comments, docstrings, and the blank lines they leave.

    Raises:
        SyntaxError: it is not Python.
    """
    lines = code.splitlines()
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(code).readline))):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for body in reversed(list(_bodies_with_docstring(ast.parse(code)))):
        docstring = body[0]
        rest = [" " * docstring.col_offset + "pass"] if len(body) == 1 else [""]
        lines[docstring.lineno - 1 : docstring.end_lineno] = rest
    return "\n".join(_single_spaced(lines)).strip("\n") + "\n"


def _bodies_with_docstring(module: ast.Module) -> Iterator[list[ast.stmt]]:
    """Yield what has a docstring, from top to bottom: the module, functions, classes."""
    found = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and ast.get_docstring(node) is not None
    ]
    return iter(sorted((node.body for node in found), key=lambda body: body[0].lineno))


def _single_spaced(lines: list[str]) -> list[str]:
    """Return the lines with one blank line at most wherever there are more."""
    return [
        line for number, line in enumerate(lines) if line.strip() or (number and lines[number - 1].strip())
    ]
