"""The BatchNorm constructor calls of a library that really execute."""

from __future__ import annotations

import ast
import itertools
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Line and column (in UTF-8 bytes) of the first character, and of the one behind the last.
Span = tuple[int, int, int, int]


@dataclass
class Site:
    """One constructor call in the source, with what was seen when it executed.

    Attributes:
        path: The file, relative to the folder that holds the package.
        span: Where the call stands.
        width: Where the expression stands that gives the number of features.
        parameters: Parameters of the enclosing function that were whole numbers, and other ones than the width.
        variants: Names of other BatchNorm classes that could be written in place of the one that is called.
        stack: Files of the package whose functions were active, the innermost first.
    """

    path: str
    span: Span
    width: Span
    parameters: list[str] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)


class Recorder:
    """Collects the sites while models of a package are built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sites: dict[tuple[str, Span], Site] = {}
        self._calls: dict[str, dict[Span, ast.Call]] = {}

    def notice(self, layer: Any, num_features: int, frame: types.FrameType | None) -> None:
        """Takes down one construction; `frame` is the code that called `__init__`."""
        # A subclass calls the constructor it inherits: the site is where the subclass itself was called.
        while frame is not None and frame.f_locals.get("self") is layer:
            frame = frame.f_back
        path = self._relative(frame)
        span = None if frame is None else _span(frame)
        if frame is None or path is None or span is None:
            return
        call = self._calls_of(path).get(span)
        width = None if call is None else _width(call, num_features, frame)
        if call is None or width is None:
            return
        site = self.sites.get((path, span))
        if site is None:
            site = Site(path, span, _span_of(width), variants=_variants(call, frame), stack=self._stack(frame))
            self.sites[path, span] = site
        for name in _parameters(frame.f_code):
            value = frame.f_locals.get(name)
            if type(value) is int and value > 0 and value != num_features and name not in site.parameters:
                site.parameters.append(name)

    def _relative(self, frame: types.FrameType | None) -> str | None:
        if frame is None:
            return None
        path = Path(frame.f_code.co_filename)
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else None

    def _stack(self, frame: types.FrameType | None) -> list[str]:
        paths: dict[str, None] = {}
        while frame is not None:
            if path := self._relative(frame):
                paths[path] = None
            frame = frame.f_back
        return list(paths)

    def _calls_of(self, path: str) -> dict[Span, ast.Call]:
        if path not in self._calls:
            tree = ast.parse((self.folder / path).read_bytes())
            self._calls[path] = {_span_of(node): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        return self._calls[path]


def _span(frame: types.FrameType) -> Span | None:
    code: Any = frame.f_code  # `co_positions` is new in Python 3.11
    line, end_line, column, end_column = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None))
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return line, column, end_line, end_column


def _span_of(node: ast.expr) -> Span:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _parameters(code: types.CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _width(call: ast.Call, num_features: int, frame: types.FrameType) -> ast.expr | None:
    """The argument that gave the number of features: by its name, or else the first that has this value."""
    named = [k.value for k in call.keywords if k.arg == "num_features"]
    others = [*call.args, *(k.value for k in call.keywords if k.arg not in (None, "num_features"))]
    for argument in (*named, *others):
        if not any(isinstance(node, _NOT_REPEATED) for node in ast.walk(argument)):
            code = compile(ast.Expression(argument), "<width>", "eval")
            try:
                value = eval(code, frame.f_globals, frame.f_locals)
            except Exception:
                continue
            if type(value) is int and value == num_features:
                return argument
    return None


#: What may do more than give a value when it is evaluated a second time.
_NOT_REPEATED = (ast.Starred, ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Lambda)


def _variants(call: ast.Call, frame: types.FrameType) -> list[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if not (name.startswith("BatchNorm") and name[len("BatchNorm") :] in ("1d", "2d", "3d")):
        return []
    others = [f"BatchNorm{rank}d" for rank in (1, 2, 3) if f"BatchNorm{rank}d" != name]
    return others if isinstance(call.func, ast.Attribute) else [n for n in others if n in frame.f_globals]
