"""One walk over the statements of a file, without entering expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Union

from bn_lint.static.syntax import nodes as cst

Statement = Union[cst.BaseSmallStatement, cst.BaseCompoundStatement]

#: Exceptions that code catches when it expects a mode call to fail.
_EXPECTED = frozenset({"AttributeError", "TypeError", "ValueError"})
_EXPECTS_FAILURE = frozenset({"raises", "warns", "assertRaises", "assertRaisesRegex", "assertWarns", "suppress"})


@dataclass(frozen=True, eq=False)
class Scope:
    """The module, class or function that directly holds a statement."""

    node: cst.Module | cst.ClassDef | cst.FunctionDef
    parent: Scope | None = None

    @property
    def is_top(self) -> bool:
        return self.parent is None

    def functions(self) -> Iterator[Scope]:
        """The scopes where a name that is read here may be bound, innermost first: classes do not count."""
        scope: Scope | None = self
        while scope is not None:
            if not isinstance(scope.node, cst.ClassDef):
                yield scope
            scope = scope.parent

    def method(self) -> tuple[cst.FunctionDef, cst.ClassDef, Scope] | None:
        """The method that this scope belongs to, its class, and the scope of the class."""
        scope: Scope | None = self
        while scope is not None and scope.parent is not None:
            if isinstance(scope.node, cst.FunctionDef) and isinstance(scope.parent.node, cst.ClassDef):
                return scope.node, scope.parent.node, scope.parent
            scope = scope.parent
        return None


class Located(NamedTuple):
    """A statement and where it stands.

    `fallback`: in an `except` clause. `guarded`: its failure is expected, as in `with pytest.raises(...)`.
    """

    statement: Statement
    scope: Scope
    fallback: bool = False
    guarded: bool = False


def statements(module: cst.Module) -> Iterator[Located]:
    """Every statement of a file in order, compound ones before what they hold."""
    return within(Scope(module))


def within(scope: Scope) -> Iterator[Located]:
    """Every statement in a scope, those of the functions and classes defined in it included."""
    body: Iterable[cst.CSTNode] = scope.node.body if isinstance(scope.node, cst.Module) else scope.node.body.body
    return _in_body(body, Located(cst.Pass(), scope))


def inside(scope: Scope) -> Iterator[Located]:
    """Every statement of one scope alone."""
    return (found for found in within(scope) if found.scope is scope)


def _in_body(body: Iterable[cst.CSTNode], context: Located) -> Iterator[Located]:
    for statement in body:
        if isinstance(statement, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            for small in statement.body:
                yield context._replace(statement=small)
        elif isinstance(statement, cst.BaseSmallStatement):
            yield context._replace(statement=statement)
        elif isinstance(statement, cst.BaseCompoundStatement):
            located = context._replace(statement=statement)
            yield located
            yield from _in_compound(located)


def _in_compound(located: Located) -> Iterator[Located]:
    match located.statement:
        case cst.FunctionDef() | cst.ClassDef() as definition:
            yield from _in_body(definition.body.body, located._replace(scope=Scope(definition, located.scope)))
        case cst.Try() | cst.TryStar() as attempt:
            guarded = located.guarded or any(_catches(handler) for handler in attempt.handlers)
            yield from _in_body(attempt.body.body, located._replace(guarded=guarded))
            for handler in attempt.handlers:
                yield from _in_body(handler.body.body, located._replace(fallback=True))
            for rest in (attempt.orelse, attempt.finalbody):
                if rest is not None:
                    yield from _in_body(rest.body.body, located)
        case cst.Match() as match:
            for case in match.cases:
                yield from _in_body(case.body.body, located)
        case cst.With() as block:
            guarded = located.guarded or any(_expects_failure(item.item) for item in block.items)
            yield from _in_body(block.body.body, located._replace(guarded=guarded))
        case cst.For() | cst.While() | cst.If() as block:
            yield from _in_body(block.body.body, located)
            orelse = block.orelse
            # A long chain of `elif` is a list, not a nesting.
            while isinstance(orelse, cst.If):
                yield located._replace(statement=orelse)
                yield from _in_body(orelse.body.body, located)
                orelse = orelse.orelse
            if orelse is not None:
                yield from _in_body(orelse.body.body, located)


def _catches(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    match handler.type:
        case cst.Name(value=name):
            return name in _EXPECTED
        case cst.Tuple(elements=elements):
            return any(isinstance(e.value, cst.Name) and e.value.value in _EXPECTED for e in elements)
    return False


def _expects_failure(item: cst.BaseExpression) -> bool:
    match item:
        case cst.Call(func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))):
            return name in _EXPECTS_FAILURE
    return False
