"""Cells of notebooks: what bn-lint blanks is held against what IPython makes of them."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from random import Random

from bn_lint.project.notebook import blanked

_LINES = (
    *("%matplotlib inline", "%time x = f(1)", "%%time", "%%bash -s", "%%capture out", "!pip install timm", "!!ls"),
    *("x = !ls *.py", "y = %timeit -o f(x)", "x, y = !ls", "x.a = %pwd", "x[0] = !ls", "x == %y", "x = 5 %y", "x ?"),
    *("?x", "x?", "x??", "??x", "x.y?", "%ls?", "!ls \\", "  -l", "%cd $x", "f(x) ? 1", 'print("""', '"""', "x = ["),
    *("]", "x = '%s' % y", "x = '!'", "# %time", "x  # !ls", "if x:", "    !ls", "    %time f(x)", "    x = !ls"),
    *("else:", "for i in x:", "    y = i % 2", "def f(x):", "    return x", "x = 1", "import torch", "f(", ")"),
    *("x = (y", "% 2)", "x != y", "x %= 2", "x = y if x else !ls", "", "", "    ", "x = \\", "    y", "%", "!"),
    *("x = %", "lambda: x", "pass"),
)  # fmt: skip


def cell(random: Random, seed: bytes) -> bytes:
    """A few lines of code and magics."""
    lines = [random.choice(_LINES) for _ in range(random.randrange(1, 8))]
    return "\n".join(lines).encode() + random.choice((b"", b"\n"))


def compare(path: Path) -> None:
    """Blank a cell, and see that it has what IPython would run.

    Raises:
        AssertionError: a place has moved, or code is missing, or is not Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    code = path.read_text(encoding="utf-8")
    ours = blanked(code)
    assert [len(line) for line in ours.splitlines()] == [len(line) for line in code.splitlines()], "places have moved"
    # The text of a cell magic is its own, and IPython takes the indentation of the first line off all of them, which
    # would move every place.
    if code.lstrip().startswith("%%") or code.lstrip("\n")[:1].isspace():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = TransformerManager().transform_cell(code)
        except SyntaxError:
            return
        theirs = _parsed(made)
        # Several lines become one where a magic stands in the middle of a statement.
        if theirs is None or len(made.splitlines()) != len(code.splitlines()):
            return
        parsed = _parsed(ours)
    assert parsed is not None, f"no Python any more: {ours!r}"
    assert _bound(parsed) == _bound(theirs), f"other names are assigned: {ours!r}"


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def _bound(tree: ast.Module) -> list[str]:
    """What is assigned, in order, and which functions are defined."""
    return [
        ast.unparse(node) if isinstance(node, ast.expr) else node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store))
    ]
