"""The user's own names for what is called, read from the source text at a place."""

from __future__ import annotations

import ast

from bn_lint.facts import Place
from bn_lint.project.source import Sources


class Wording:
    """Names models as the source does."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._statements: dict[str, set[tuple[int, int | None]]] = {}

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
        if call is None or not call.args or not isinstance(call.args[0], (ast.Name, ast.Attribute)):
            return otherwise or "the model"
        return ast.unparse(call.args[0])

    def receiver(self, place: Place) -> str:
        """What a method is called on: `net` of `net.train()`."""
        call = self._call(place)
        if call is None or not isinstance(call.func, ast.Attribute):
            return "the model"
        return ast.unparse(call.func.value)

    def is_statement(self, place: Place) -> bool:
        """Whether the call is a statement of its own, so that its result is thrown away."""
        if place.path not in self._statements:
            source = self._sources.get(place.path)
            try:
                tree = ast.parse("" if source is None else "\n".join(source.lines))
            except (SyntaxError, ValueError):
                tree = ast.Module([], [])
            # Columns differ between code points and bytes; a statement alone on its lines needs none.
            self._statements[place.path] = {
                (node.lineno, node.end_lineno)
                for node in ast.walk(tree)
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            }
        call = self._call(place)
        whole = (place.line, place.end_line) in self._statements[place.path]
        return whole and call is not None and self._begins_line(place)

    def _begins_line(self, place: Place) -> bool:
        source = self._sources.get(place.path)
        return source is not None and not source.lines[place.line - 1][: place.column - 1].strip()

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


def _first_call(line: str) -> ast.Call | None:
    """The outermost call of a line, where the run could not say which one it was (before Python 3.11)."""
    try:
        tree = ast.parse(line.strip())
    except (SyntaxError, ValueError):
        return None
    return next((node for node in ast.walk(tree) if isinstance(node, ast.Call)), None)
