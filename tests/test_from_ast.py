"""Python's own parser gives the trees that libcst gives, or leaves the text to libcst."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.syntax.ast_expressions import MAX_DEPTH
from bn_lint.static.syntax.from_ast import read_from_ast
from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.parse import ParseError, TooLarge

from .test_nodes import dump

ROOT = Path(__file__).parent.parent
STANDARD_LIBRARY = Path(os.__file__).parent

PARENTHESES = [
    "((a))\n",
    "(a, b)\n(a), (b)\n((a), (b))\n()\n(a,)\na,\n",
    "f((x))\nf(x)\nf((x), y)\nf(*(a), **(b), k=(c))\nf(a=1, *b, **c)\n",
    "f(x for x in y)\nf((x for x in y))\n(x for x in y)\nf((x for x in y), 1)\n",
    "x = ( # a comment (\n    a +  # another )\n    (b)\n)\n",
    "x = (\\\n a)\n",
    "class A(B): pass\nclass A((B)): pass\nclass A(B, (C), metaclass=(M), **k): pass\nclass A(): pass\n",
    "@(a)\n@b(c)\ndef f(x=(1), *, y: (int) = 2) -> (int): return (x)\n",
    "with (a): pass\nwith (a), b: pass\nwith (a, b): pass\nwith (a as b): pass\nwith (a).b() as c: pass\n",
    "with ((a)): pass\n",
    "async def f():\n    async with (a) as b: await (c)\n    async for x in (y): (yield)\n    (yield (x))\n",
    "del (a)\ndel a, b\ndel (a, b)\ndel a,\ndel a  # a, b\n# a comment, with a comma\n",
    "for (a) in (b): pass\nfor (a, b) in c, d: pass\nwhile (a): pass\nassert (a), (b)\nreturn_ = lambda x=(1): (x)\n",
    "(a and b) and c\na and (b and c)\na and b and c or d\nnot (a)\n(a < b) < c\na < b < (c)\n-(1)\n",
    "(-1)\n(a if b else c)\n",
    "x[(a)]\nx[(a, b)]\nx[a, b]\nx[a,]\nx[(a),]\nx[a:b, c]\nx[(a):(b)]\nx[:]\nx[::2]\nx[a\n,]\n",
    "try: (a)\nexcept (A): pass\nexcept (A, B) as e: pass\nelse: (b)\nfinally: (c)\n",
    "import a.b.c as d, e\nfrom . import (x)\nfrom ..a.b import (x as y, z,)\nfrom a import *\n",
    "[(a), *(b)]\n{(a), *b}\n{(a): (b), **(c)}\n{a: b for (a), b in (c) if (d) if e for f in g}\n[(a) for a in b]\n",
    "(x := (1))\nprint((x := 1), y := 2)\n(a)[b].c((d))\n",
    "raise (A) from (b)\nraise\nglobal a, b\nx: (int) = (1)\nx: int\nx += (1)\nx @= y\nx //= y\n",
]
LAYOUT = [
    "a; b; c\na;\nb; c;\n",
    "a; \\\nb\n",
    "if a: b; c\nelif d: e\nelse: f\n",
    "if a:\n    b\nelse:\n    if c:\n        d\n",
    "if a:\n  if b:\n      c\n  elif d:\n    e\nwhile a:\n\tb\nelse:\n  c\n",
    "if a:\n    @b\n    def f(): pass\n    @ c\n    class D: x = 1; y = 2\n",
    "class A:\n    'text'\n\n    # a comment\n    def f(self, a, /, b, *c, d, e=1, **f): ...\n",
    "é = 'ü'; f(é, (ü))\n",
]
LITERALS = [
    "0x_FF\n1_000\n1e3\n.5\n5.\n1j\n0b1\n0o7\n1E+5J\n",
    "'a' \"b\"\nb'a' rb'\\d'\nu'a'\n'''a\nb'''\nx = ('a'\n  # a comment\n  'b')\n'a\\\nb'\n'\\d'\nr'\\'' 'x'\n",
    "f'{a}' f'{b!r:>{c}}'\nf'''{\na}'''\nx = (f'a' 'b'\n f'{(c)}')\n'a' f'{b(1)}'\nf((f'{a}'))\n(f'{a}').b\n",
    "None, True, False, ...\n",
]


@pytest.mark.parametrize("text", ["", "\n", "x", "# a comment", *PARENTHESES, *LAYOUT, *LITERALS])
def test_the_trees_are_the_same(text: str) -> None:
    tree = read_from_ast(text)
    assert tree is not None
    assert dump(tree) == dump(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "match a:\n    case 1: pass\n",
        "try: pass\nexcept* A: pass\n",
        "print 'a'\n",
        "a\r\nb\n",
        "if a: \\\n  b\n",
        "if a:\n\tb\n\tif c:\n            d\n",
        "class \\\nA(B): pass\n",
        "\N{MICRO SIGN} = 1\n",
        "net.\N{FULLWIDTH LATIN SMALL LETTER W}idth\n",
        f"x = {'a.' * (MAX_DEPTH + 1)}b\n",
    ],
)
def test_the_rest_is_for_libcst_to_say(text: str) -> None:
    assert with_deep_stack(lambda: read_from_ast(text)) is None


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_from_ast("x = [" + "1, " * 50_000 + "]\n")
    with pytest.raises(ParseError):
        read_from_ast(f"x = {'a + ' * 30_000}a\n")


def same(path: Path) -> bool:
    """Whether the trees of a file are the same; that it is left to libcst is fine, too."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = read_from_ast(text)
        return tree is None or dump(tree) == dump(read(text))
    except (UnicodeDecodeError, ParseError):
        return True


@pytest.mark.parametrize("folder", ["bn_lint/static/syntax", "fixtures"])
def test_the_trees_of_programs_are_the_same(folder: str) -> None:
    paths = list((ROOT / folder).rglob("*.py"))
    assert paths
    assert [path for path in paths if not same(path)] == []


@pytest.mark.slow
def test_the_trees_of_the_standard_library_are_the_same() -> None:
    paths = sorted(STANDARD_LIBRARY.glob("[a-i]*.py"))
    assert [path for path in paths if not with_deep_stack(partial(same, path))] == []
