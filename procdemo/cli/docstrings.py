"""Docstrings, also if Python runs with ``-OO``, which removes them: then they are read from the source."""

import inspect
from typing import Any


def docstring(documented: Any) -> str:
    """Return the docstring of a module or function; empty if there is none, or no source either."""
    if found := inspect.getdoc(documented):
        return found
    import ast
    import textwrap

    try:
        source = textwrap.dedent(inspect.getsource(documented))
    except OSError:  # no source is installed
        return ""
    # ast.parse() would leave docstrings out, too, from Python 3.14 on.
    tree: Any = compile(source, "<source>", "exec", ast.PyCF_ONLY_AST, optimize=0)
    return ast.get_docstring(tree if inspect.ismodule(documented) else tree.body[0]) or ""
