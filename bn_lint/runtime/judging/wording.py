"""What the source text at a place says: the user's own names for what is called, and whether a result is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from bn_lint.facts import Place
from bn_lint.project.source import Source, Sources


class Wording:
    """Names models as the source does."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._discarded: dict[str, set[tuple[int, int]]] = {}

    def callee(self, place: Place, otherwise: str) -> str:
        """What is called at a place: `net` of `net(x)`; the name of the class where the text does not tell."""
        call = self._call(place)
        if call is None or not isinstance(call.func, (ast.Name, ast.Attribute)):
            return otherwise or "the model"
        text = ast.unparse(call.func)
        return text if len(text) <= 40 else otherwise or "the model"

    def argument(self, place: Place, otherwise: str) -> str:
        """The first argument of a call: `net` of `summary(net)`; the name of the class where the text does not tell."""
        call = self._call(place)
        if call is None or not call.args or not isinstance(call.args[0], (ast.Name, ast.Attribute, ast.Subscript)):
            return otherwise or "the model"
        return ast.unparse(call.args[0])

    def receiver(self, place: Place) -> str:
        """What a method is called on: `net` of `net.train()`."""
        call = self._call(place)
        if call is None or not isinstance(call.func, ast.Attribute):
            return "the model"
        return ast.unparse(call.func.value)

    def assignment(self, attribute: str, paths: Sequence[str]) -> tuple[str, Place] | None:
        """The one assignment of False to an attribute in these files, and to what; None when there are several."""
        found = []
        for path in paths:
            source = self._sources.get(path)
            if source is None:
                continue
            for node in ast.walk(_parsed(source)):
                match node:
                    case ast.Assign(targets=[ast.Attribute(attr=name) as target], value=ast.Constant(value=False)) if (
                        name == attribute
                    ):
                        found.append((ast.unparse(target.value), _place(path, source, node)))
        return found[0] if len(found) == 1 else None

    def is_discarded(self, place: Place) -> bool:
        """Whether the result of the call is thrown away: a statement of its own, or a name that nothing reads."""
        source = self._sources.get(place.path)
        if source is None or not 0 < place.line <= len(source.lines):
            return False
        if place.path not in self._discarded:
            self._discarded[place.path] = set(_discarded(_parsed(source)))
        before = source.lines[place.line - 1][: place.column - 1]
        return (place.line, len(before.encode("utf-8", "surrogatepass"))) in self._discarded[place.path]

    def _call(self, place: Place) -> ast.Call | None:
        source = self._sources.get(place.path)
        if source is None or not 0 < place.line <= place.end_line <= len(source.lines):
            return None
        lines = source.lines[place.line - 1 : place.end_line]
        lines[-1] = lines[-1][: place.end_column - 1]
        lines[0] = lines[0][place.column - 1 :]
        try:
            tree = ast.parse("\n".join(lines).strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return _first_call(source.lines[place.line - 1])
        return tree if isinstance(tree, ast.Call) else None


def _parsed(source: Source) -> ast.Module:
    try:
        return ast.parse("\n".join(source.lines))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _place(path: str, source: Source, node: ast.stmt) -> Place:
    """The place of a statement; columns of Python count bytes."""

    def column(line: int, offset: int) -> int:
        return len(source.lines[line - 1].encode()[:offset].decode("utf-8", "replace")) + 1

    end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return Place(path, node.lineno, column(node.lineno, node.col_offset), end_line, column(end_line, end))


def _discarded(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Where calls begin whose results are thrown away, and their statements, which is all that old Pythons know."""
    scopes = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)
    for scope in ast.walk(tree):
        if not isinstance(scope, scopes):
            continue
        read = {
            node.id for node in ast.walk(scope) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
        }
        for node in ast.walk(scope):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                read.update(node.names)
        for node in _own_statements(scope):
            match node:
                case ast.Expr(value=ast.Call() as call):
                    pass
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if name not in read:
                    pass
                case _:
                    continue
            yield call.lineno, call.col_offset
            yield node.lineno, node.col_offset


def _own_statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a scope, without those of functions and classes inside."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from _own_statements(child)


def _first_call(line: str) -> ast.Call | None:
    """The outermost call of a line, where the run could not say which one it was (before Python 3.11)."""
    try:
        tree = ast.parse(line.strip())
    except (SyntaxError, ValueError):
        return None
    return next((node for node in ast.walk(tree) if isinstance(node, ast.Call)), None)
