"""Small changes of one file, each of which should make a test fail."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType

#: A node, and what changes it in place.
_Change = tuple[ast.AST, Callable[[], None]]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
#: What is no behavior, or that of another tool.
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True)
class Mutant:
    """One change of a file: what `number` of them would change, as text and as code."""

    path: Path
    line: int
    before: str
    after: str
    code: CodeType

    @staticmethod
    def of(path: Path, number: int) -> Mutant:
        tree = _parsed(path)
        node, change = next(islice(_changes(tree), number, None))
        before = _first_line(node)
        change()
        ast.fix_missing_locations(tree)
        code = compile(tree, str(path), "exec", dont_inherit=True)
        return Mutant(path, getattr(node, "lineno", 0), before, _first_line(node), code)


def count(path: Path) -> int:
    """How many mutants a file has."""
    return sum(1 for _ in _changes(_parsed(path)))


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0]


def _changes(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, (ast.JoinedStr, ast.Raise, ast.Assert)):
        return  # wording, and what never happens
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield from _changes_of(node)
    for name, value in ast.iter_fields(node):
        if name not in _SKIPPED_FIELDS:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _changes(child)


def _changes_of(node: ast.AST) -> Iterator[_Change]:
    def put(name: str, value: object) -> _Change:
        return node, lambda: setattr(node, name, value)

    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        yield put("ops", [_COMPARISONS[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield put("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield put("operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield put("op", _OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield put("value", not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)) and isinstance(
        node.test, (ast.Name, ast.Attribute, ast.Call)
    ):
        yield put("test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, (ast.Return, ast.Expr)) and not isinstance(node.value, (ast.Constant, type(None))):
        yield put("value", ast.Constant(None))
    elif isinstance(node, (ast.Continue, ast.Break)):
        yield put("__class__", ast.Break if isinstance(node, ast.Continue) else ast.Continue)
