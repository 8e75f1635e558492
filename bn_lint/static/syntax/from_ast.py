"""Trees of files that are read for context, made from those of Python's own parser.

That takes a quarter of the time that libcst does, which remains the parser of what is judged. Both give the same trees:
what Python's parser leaves out, such as parentheses and how numbers are written, is read in the text. Where it says too
little, libcst parses a part of the text, or all of it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias
from unicodedata import is_normalized

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.ast_expressions import COMMA, KINDS, ExpressionReader, Unsupported, asynchronous
from bn_lint.static.syntax.parse import MAX_TOKENS, ParseError, refuse_extremes

Make: TypeAlias = Callable[["_Reader", Any], Any]

_SEMICOLON = re.compile(rb"[ \t\f]*;(?:[ \t\f]|\\\n)*")
_BASES = re.compile(rb"class\s+\w+\s*\(")
_ITEMS = re.compile(rb"(?:async\s+)?with\s*\(")
_COLON = re.compile(rb"(?:[ \t\f]|\\\n)*:")


def read_from_ast(text: str) -> nodes.Module | None:
    """The tree that libcst would give; None if that is for libcst to say.

    Raises:
        ParseError: the text is nested too deeply.
        TooLarge: it is too large.
    """
    if len(text) > MAX_TOKENS:
        refuse_extremes(text)  # it may have as many words; Python's parser has limits for what is nested
    if not text.isascii() and not is_normalized("NFKC", text):
        return None  # Python writes names in another way than the text
    if "\r" in text or "\f" in text or "\0" in text or text.startswith("\ufeff"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the program, which nobody asked for
            tree = ast.parse(text)
        return _Reader(text.encode()).module(tree)
    except (SyntaxError, ValueError, MemoryError, RecursionError, ParseError, Unsupported):
        return None


class _Reader(ExpressionReader):
    """Makes the statements of one file."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        #: How far the blocks around are indented, and by how much the first of all is.
        self._indents = [""]
        self._first_indent: str | None = None

    def module(self, tree: ast.Module) -> nodes.Module:
        return nodes.Module(self._statements(tree.body))

    def _statements(self, body: Sequence[ast.stmt]) -> tuple[Any, ...]:
        found: list[Any] = []
        line: list[Any] = []  # the simple statements of the last line
        last: ast.stmt | None = None
        for one in body:
            make = _COMPOUND.get(type(one))
            if line and (make is not None or last is None or not self._is_in_line(last, one)):
                found.append(nodes.SimpleStatementLine(tuple(line)))
                line = []
            if make is not None:
                found.append(make(self, one))
            else:
                line.append(self._small(one))
            last = one
        if line:
            found.append(nodes.SimpleStatementLine(tuple(line)))
        return tuple(found)

    def _is_in_line(self, last: ast.stmt, one: ast.stmt) -> bool:
        """Whether a simple statement is in the line of the one before."""
        found = _SEMICOLON.match(self._text, self._end(last))
        return found is not None and found.end() == self._start(one)

    def _small(self, node: ast.stmt) -> Any:
        make = _SMALL.get(type(node))
        if make is None:
            raise Unsupported(type(node).__name__)
        return make(self, node)

    def suite(self, body: Sequence[ast.stmt]) -> nodes.BaseSuite:
        """The body of a compound statement."""
        first: Any = body[0]
        decorators = getattr(first, "decorator_list", None)
        number = decorators[0].lineno if decorators else first.lineno
        line = self._lines[number]
        if self._text[max(0, line - 2) : line] == b"\\\n":
            raise Unsupported("a statement that begins in the line before")
        start = self._text.index(b"@", line) if decorators else self._start(first)
        before = self._text[line:start]
        if before.strip():
            return nodes.SimpleStatementSuite(tuple(map(self._small, body)))
        own, outer = before.decode(), self._indents[-1]
        if not own.startswith(outer):
            raise Unsupported("indentation that mixes tabs and spaces")
        indent = own[len(outer) :]
        if self._first_indent is None:
            self._first_indent = indent
        self._indents.append(own)
        made = self._statements(body)
        self._indents.pop()
        return nodes.IndentedBlock(made, None if indent == self._first_indent else indent)

    def _else(self, body: Sequence[ast.stmt]) -> nodes.Else | None:
        return nodes.Else(self.suite(body)) if body else None

    def if_(self, node: ast.If) -> nodes.If:
        test, body, orelse = self.expression(node.test), self.suite(node.body), node.orelse
        if len(orelse) == 1 and type(orelse[0]) is ast.If:
            start = self._start(orelse[0])
            if self._text[start : start + 4] == b"elif":
                return nodes.If(test, body, self.if_(orelse[0]))
        return nodes.If(test, body, self._else(orelse))

    def for_(self, node: ast.For | ast.AsyncFor) -> nodes.For:
        return nodes.For(
            self.expression(node.target),
            self.expression(node.iter),
            self.suite(node.body),
            self._else(node.orelse),
            asynchronous(type(node) is ast.AsyncFor),
        )

    def while_(self, node: ast.While) -> nodes.While:
        return nodes.While(self.expression(node.test), self.suite(node.body), self._else(node.orelse))

    def try_(self, node: ast.Try) -> nodes.Try:
        return nodes.Try(
            self.suite(node.body),
            tuple(map(self._handler, node.handlers)),
            self._else(node.orelse),
            nodes.Finally(self.suite(node.finalbody)) if node.finalbody else None,
        )

    def _handler(self, node: ast.ExceptHandler) -> nodes.ExceptHandler:
        kind = self.optional(node.type)
        name = None if node.name is None else nodes.AsName(nodes.Name(node.name))
        return nodes.ExceptHandler(self.suite(node.body), kind, name)

    def with_(self, node: ast.With | ast.AsyncWith) -> nodes.With:
        found = _ITEMS.match(self._text, self._start(node))
        if found is not None:
            closed = self._brackets.pairs.get(found.end() - 1, -1)
            if _COLON.match(self._text, closed + 1):
                self._brackets.own.add(closed)
        return nodes.With(
            tuple(map(self._item, node.items)), self.suite(node.body), asynchronous(type(node) is ast.AsyncWith)
        )

    def _item(self, node: ast.withitem) -> nodes.WithItem:
        name: Any = self.optional(node.optional_vars)
        return nodes.WithItem(self.expression(node.context_expr), None if name is None else nodes.AsName(name))

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> nodes.FunctionDef:
        if getattr(node, "type_params", None):
            raise Unsupported("parameters of types")
        return nodes.FunctionDef(
            nodes.Name(node.name),
            self._parameters(node.args),
            self.suite(node.body),
            self._decorators(node.decorator_list),
            self._annotation(node.returns),
            asynchronous(type(node) is ast.AsyncFunctionDef),
        )

    def class_(self, node: ast.ClassDef) -> nodes.ClassDef:
        if getattr(node, "type_params", None):
            raise Unsupported("parameters of types")
        if node.bases or node.keywords:
            found = _BASES.match(self._text, self._start(node))
            if found is None:
                raise Unsupported("a class in several lines")
            self._brackets.own.add(self._brackets.pairs.get(found.end() - 1, -1))
        bases = [one for one in self._args(node.bases, node.keywords) if one.keyword is None and one.star != "**"]
        keywords = self._args((), node.keywords)
        return nodes.ClassDef(
            nodes.Name(node.name),
            self.suite(node.body),
            tuple(bases),
            keywords,
            self._decorators(node.decorator_list),
        )

    def _decorators(self, found: Iterable[ast.expr]) -> tuple[nodes.Decorator, ...]:
        return tuple([nodes.Decorator(self.expression(one)) for one in found])

    def assign(self, node: ast.Assign) -> nodes.Assign:
        targets = tuple([nodes.AssignTarget(self.expression(one)) for one in node.targets])
        return nodes.Assign(targets, self.expression(node.value))

    def annotated(self, node: ast.AnnAssign) -> nodes.AnnAssign:
        target = self.expression(node.target)
        return nodes.AnnAssign(target, nodes.Annotation(self.expression(node.annotation)), self.optional(node.value))

    def augmented(self, node: ast.AugAssign) -> nodes.AugAssign:
        return nodes.AugAssign(self.expression(node.target), _AUGMENTED[type(node.op)], self.expression(node.value))

    def delete(self, node: ast.Delete) -> nodes.Del:
        last = node.targets[-1]
        if len(node.targets) > 1 or COMMA.match(self._text, self._end(last)):
            return nodes.Del(nodes.Tuple(tuple([nodes.Element(self.expression(one)) for one in node.targets])))
        return nodes.Del(self.expression(last))

    def raise_(self, node: ast.Raise) -> nodes.Raise:
        cause = None if node.cause is None else nodes.From(self.expression(node.cause))
        return nodes.Raise(self.optional(node.exc), cause)

    def import_(self, node: ast.Import) -> nodes.Import:
        return nodes.Import(_aliases(node.names))

    def import_from(self, node: ast.ImportFrom) -> nodes.ImportFrom:
        names = nodes.ImportStar() if node.names[0].name == "*" else _aliases(node.names)
        return nodes.ImportFrom(None if node.module is None else _dotted(node.module), names, node.level)


def _names(names: Iterable[str]) -> tuple[nodes.NameItem, ...]:
    return tuple([nodes.NameItem(nodes.Name(one)) for one in names])


def _dotted(name: str) -> nodes.Name | nodes.Attribute:
    first, *others = name.split(".")
    made: nodes.Name | nodes.Attribute = nodes.Name(first)
    for one in others:
        made = nodes.Attribute(made, nodes.Name(one))
    return made


def _aliases(names: Iterable[ast.alias]) -> tuple[nodes.ImportAlias, ...]:
    return tuple(
        [
            nodes.ImportAlias(_dotted(one.name), None if one.asname is None else nodes.AsName(nodes.Name(one.asname)))
            for one in names
        ]
    )


_AUGMENTED: dict[type[ast.AST], Any] = {
    theirs: nodes.OPERATORS[getattr(nodes, f"{ours.__name__}Assign")]
    for theirs, ours in KINDS.items()
    if issubclass(ours, nodes.BaseBinaryOp)
}
_SMALL: dict[type[ast.AST], Make] = {
    ast.Expr: lambda reader, node: nodes.Expr(reader.expression(node.value)),
    ast.Assign: _Reader.assign,
    ast.AnnAssign: _Reader.annotated,
    ast.AugAssign: _Reader.augmented,
    ast.Pass: lambda reader, node: nodes.Pass(),
    ast.Break: lambda reader, node: nodes.Break(),
    ast.Continue: lambda reader, node: nodes.Continue(),
    ast.Delete: _Reader.delete,
    ast.Return: lambda reader, node: nodes.Return(reader.optional(node.value)),
    ast.Raise: _Reader.raise_,
    ast.Assert: lambda reader, node: nodes.Assert(reader.expression(node.test), reader.optional(node.msg)),
    ast.Global: lambda reader, node: nodes.Global(_names(node.names)),
    ast.Nonlocal: lambda reader, node: nodes.Nonlocal(_names(node.names)),
    ast.Import: _Reader.import_,
    ast.ImportFrom: _Reader.import_from,
}
#: Matching, groups of exceptions and aliases of types are rare: libcst reads the files that have them.
_COMPOUND: dict[type[ast.AST], Make] = {
    ast.If: _Reader.if_,
    ast.For: _Reader.for_,
    ast.AsyncFor: _Reader.for_,
    ast.While: _Reader.while_,
    ast.Try: _Reader.try_,
    ast.With: _Reader.with_,
    ast.AsyncWith: _Reader.with_,
    ast.FunctionDef: _Reader.function,
    ast.AsyncFunctionDef: _Reader.function,
    ast.ClassDef: _Reader.class_,
}
