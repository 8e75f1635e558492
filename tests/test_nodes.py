"""The nodes that the engine reads: they are those of libcst without layout, and can be written again."""

from __future__ import annotations

import dataclasses
import inspect
from collections import Counter
from pathlib import Path

import libcst
import pytest

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.layout import Layout
from bn_lint.static.syntax.lower import lowered, origins, read
from bn_lint.static.syntax.parse import parse
from bn_lint.static.syntax.written import code_of

from .test_parse import SYNTAX

ROOT = Path(__file__).parent.parent

#: Layout and punctuation.
LAYOUT = frozenset(
    "AssignEqual Colon Comma Comment Dot EmptyLine LeftCurlyBrace LeftParen LeftSquareBracket Newline ParamSlash "
    "ParenthesizedWhitespace RightCurlyBrace RightParen RightSquareBracket Semicolon SimpleWhitespace "
    "TrailingWhitespace".split()
)
#: Fields of nodes that say how something is written.
WRITING = (
    *("whitespace", "leading_", "lines_after", "lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "comma"),
    *("semicolon", "header", "footer", "trailing", "equal", "dot", "colon", "newline", "encoding", "default_", "has_"),
    *("first_colon", "second_colon", "posonly_ind", "separator"),
)
#: Statements and expressions that people write in all kinds of ways.
MORE = """
x[1,] = x[1:2, ::3, ...] = x[:, None]
(a, b), *c = d = yield (yield from e)
lambda: 0, lambda a, /, b=1, *c, d, e=2, **f: a
def f(a: int = 1, *, b: "B", **c: C) -> D: return await (await a)
f(*a, b=c, **d)(x for x in y)[0].g(not -a ** ~b, +c)
a = b if c else (d, ) , {**e, f: g}, {h, *i}, [j for j in k if l if m async for n in o], {p: q for p in q}
if (n := 10) > 5 > 4 != 3 not in z is not None: pass; assert a, b
f'a{b!r:>{c}}d{{' '' "e" f"{x}", rb'g'
a: int; b: int = 1; a @= b; a //= 2; del a, b[0]; global c; raise
async def g():
    async with a as b, c: nonlocal_ = 1
    async for i in j: continue
    else: break
match a:
    case [1, *_] | (2, b) | {"k": v, **rest} | C(d, e=f) | None as g if h: pass
    case -1 | "s" | x.y | _: pass
try: pass
except* (A, B) as c: raise D from None
from ..a.b import (c as d, e)
from . import *
import a.b as c, d
type T = D
class E[F](G, metaclass=H): x = 1; y = 2
"""


def dump(node: object) -> object:
    """A node as a plain value."""
    if isinstance(node, nodes.CSTNode):
        values = {each.name: dump(getattr(node, each.name)) for each in nodes.fields_of(type(node))}
        if isinstance(node, nodes.BaseExpression):
            values["parentheses"] = node.parentheses
        return type(node).__name__, values
    return [dump(one) for one in node] if isinstance(node, tuple) else node


def kinds_of_libcst() -> list[type[libcst.CSTNode]]:
    found = [kind for kind in vars(libcst).values() if inspect.isclass(kind) and issubclass(kind, libcst.CSTNode)]
    return [kind for kind in found if not inspect.isabstract(kind) and kind.__name__ not in LAYOUT]


@pytest.mark.parametrize("kind", kinds_of_libcst(), ids=lambda kind: kind.__name__)
def test_each_node_of_libcst_has_its_counterpart(kind: type[libcst.CSTNode]) -> None:
    own = getattr(nodes, kind.__name__)
    assert own in nodes.KINDS
    theirs = [each.name for each in dataclasses.fields(kind) if not each.name.startswith(WRITING)]
    if own in (nodes.NotEqual, nodes.Param):
        theirs = [name for name in theirs if name not in ("value", "star")]
    assert [each.name for each in nodes.fields_of(own) if each.name not in ("comma", "indent")] == [
        name for name in theirs if name != "indent"
    ]


@pytest.mark.parametrize("text", [SYNTAX, MORE], ids=["syntax", "more"])
def test_trees_have_the_nodes_of_libcst(text: str) -> None:
    tree = parse(text)
    found = origins(lowered(tree), tree)
    assert all(type(own).__name__ == type(origin).__name__ for own, origin in found.items())
    own = Counter(type(node).__name__ for node in nodes.walk(lowered(tree)))
    del own["BitOr"]  # which libcst finds between patterns, too
    assert own == Counter(kind for kind in _below(tree) if kind not in LAYOUT | {"BitOr"})


def _below(node: libcst.CSTNode) -> list[str]:
    return [type(node).__name__, *(name for child in node.children for name in _below(child))]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["bn_lint/static/syntax", "tests/corpus"])
def test_what_is_written_means_the_same(folder: str) -> None:
    for path in [*(ROOT / folder).rglob("*.py"), Path(__file__)]:
        text = MORE if path == Path(__file__) else path.read_text(encoding="utf-8")
        statements = [node for node in nodes.walk(read(text)) if isinstance(node, nodes.BaseSmallStatement)]
        again = read("".join(f"{code_of(node)}\n" for node in statements)).body
        assert len(again) == len(statements)
        for line, node in zip(again, statements):
            assert isinstance(line, nodes.SimpleStatementLine)
            assert dump(line.body[0]) == dump(node), code_of(node)


def test_texts_and_places_are_those_of_the_file() -> None:
    text = "if x:\n    y = ( f( 1,\n        2 ) )\n"
    tree = read(text)
    call = next(node for node in nodes.walk(tree) if isinstance(node, nodes.Call))
    layout = Layout(tree, text)
    assert layout.text(call).split() == ["(", "f(", "1,", "2", ")", ")"]
    assert code_of(call) == "(f(1, 2))"
    assert layout.position(call) == (2, 11, 3, 12)
    assert layout.position(nodes.Name("elsewhere")) == (1, 1, 1, 1)
