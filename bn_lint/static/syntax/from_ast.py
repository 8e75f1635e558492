"""Trees of files that are read for context, made from those of Python's own parser.

That takes a fifth of the time that libcst does, which remains the parser of what is judged. Both give the same trees:
what Python's parser leaves out, such as parentheses and how numbers are written, is read in the text. Where it says too
little, libcst parses a part of the text, or all of it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import libcst

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.brackets import Brackets
from bn_lint.static.syntax.lower import lowered_expression
from bn_lint.static.syntax.parse import MAX_TOKENS, refuse_extremes

Make: TypeAlias = Callable[["_Reader", Any], Any]

_SEMICOLON = re.compile(rb"[ \t\f]*;(?:[ \t\f]|\\\n)*")
_COMMA = re.compile(rb"(?:[ \t\n]|\\\n|#[^\n]*\n)*,")
#: A string that is written in one piece, and several that follow each other.
_ONE = (
    r"""[a-zA-Z]{0,2}(?:\"\"\"(?:\\[\s\S]|(?!\"\"\")[^\\])*\"\"\"|'''(?:\\[\s\S]|(?!''')[^\\])*'''"""
    r"""|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*')"""
)
_STRING = re.compile(_ONE)
_STRINGS = re.compile(rf"(?:{_ONE}(?:[ \t\f\n]|\\\n|#[^\n]*)*)+")
_BASES = re.compile(rb"class\s+\w+\s*\(")
_ITEMS = re.compile(rb"(?:async\s+)?with\s*\(")
_COLON = re.compile(rb"(?:[ \t\f]|\\\n)*:")


#: Expressions within each other; how many are too many is for libcst's parser to say.
MAX_DEPTH = 500


class _Unsupported(Exception):
    """Something of which Python's parser says too little."""


def read_from_ast(text: str) -> nodes.Module | None:
    """The tree that libcst would give; None if that is for libcst to say.

    Raises:
        ParseError: the text is nested too deeply.
        TooLarge: it is too large.
    """
    if len(text) > MAX_TOKENS:
        refuse_extremes(text)  # it may have as many words; Python's parser has limits for what is nested
    if "\r" in text or "\f" in text or "\0" in text or text.startswith("\ufeff"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the program, which nobody asked for
            tree = ast.parse(text)
        return _Reader(text.encode()).module(tree)
    except (SyntaxError, ValueError, MemoryError, RecursionError, libcst.ParserSyntaxError, _Unsupported):
        return None


class _Reader:
    """Makes the nodes of one file."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        #: Where lines start, by their numbers.
        self._lines = [0, 0, *(match.end() for match in re.finditer(rb"\n", text))]
        self._depth = 0
        self._brackets = Brackets(text)
        #: How far the blocks around are indented, and by how much the first of all is.
        self._indents = [""]
        self._first_indent: str | None = None

    # -- where things are -------------------------------------------------------------------------------------------

    def _start(self, node: Any) -> int:
        start: int = self._lines[node.lineno] + node.col_offset
        return start

    def _end(self, node: Any) -> int:
        end: int = self._lines[node.end_lineno] + node.end_col_offset
        return end

    def _written(self, node: Any) -> str:
        return self._text[self._start(node) : self._end(node)].decode()

    # -- statements -------------------------------------------------------------------------------------------------

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
            raise _Unsupported(type(node).__name__)
        return make(self, node)

    def suite(self, body: Sequence[ast.stmt]) -> nodes.BaseSuite:
        """The body of a compound statement."""
        first: Any = body[0]
        decorators = getattr(first, "decorator_list", None)
        number = decorators[0].lineno if decorators else first.lineno
        line = self._lines[number]
        if self._text[max(0, line - 2) : line] == b"\\\n":
            raise _Unsupported("a statement that begins in the line before")
        start = self._text.index(b"@", line) if decorators else self._start(first)
        before = self._text[line:start]
        if before.strip():
            return nodes.SimpleStatementSuite(tuple(map(self._small, body)))
        own, outer = before.decode(), self._indents[-1]
        if not own.startswith(outer):
            raise _Unsupported("indentation that mixes tabs and spaces")
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
            _asynchronous(type(node) is ast.AsyncFor),
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
            tuple(map(self._item, node.items)), self.suite(node.body), _asynchronous(type(node) is ast.AsyncWith)
        )

    def _item(self, node: ast.withitem) -> nodes.WithItem:
        name: Any = self.optional(node.optional_vars)
        return nodes.WithItem(self.expression(node.context_expr), None if name is None else nodes.AsName(name))

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> nodes.FunctionDef:
        if getattr(node, "type_params", None):
            raise _Unsupported("parameters of types")
        return nodes.FunctionDef(
            nodes.Name(node.name),
            self._parameters(node.args),
            self.suite(node.body),
            self._decorators(node.decorator_list),
            self._annotation(node.returns),
            _asynchronous(type(node) is ast.AsyncFunctionDef),
        )

    def class_(self, node: ast.ClassDef) -> nodes.ClassDef:
        if getattr(node, "type_params", None):
            raise _Unsupported("parameters of types")
        if node.bases or node.keywords:
            found = _BASES.match(self._text, self._start(node))
            if found is None:
                raise _Unsupported("a class in several lines")
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

    def _annotation(self, node: ast.expr | None) -> nodes.Annotation | None:
        return None if node is None else nodes.Annotation(self.expression(node))

    def _parameters(self, node: ast.arguments) -> nodes.Parameters:
        positional = [*node.posonlyargs, *node.args]
        defaults = [None] * (len(positional) - len(node.defaults)) + list(node.defaults)
        made = tuple([self._param(one, default) for one, default in zip(positional, defaults)])
        star: nodes.Param | nodes.ParamStar | None = None
        if node.vararg is not None:
            star = self._param(node.vararg)
        elif node.kwonlyargs:
            star = nodes.ParamStar()
        count = len(node.posonlyargs)
        return nodes.Parameters(
            made[count:],
            star,
            tuple([self._param(one, default) for one, default in zip(node.kwonlyargs, node.kw_defaults)]),
            None if node.kwarg is None else self._param(node.kwarg),
            made[:count],
        )

    def _param(self, node: ast.arg, default: ast.expr | None = None) -> nodes.Param:
        return nodes.Param(nodes.Name(node.arg), self._annotation(node.annotation), self.optional(default))

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
        if len(node.targets) > 1 or _COMMA.match(self._text, self._end(last)):
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

    # -- expressions ------------------------------------------------------------------------------------------------

    def optional(self, node: ast.expr | None) -> Any:
        return None if node is None else self.expression(node)

    def expression(self, node: ast.expr) -> Any:
        """An expression, with the parentheses around it."""
        make = _EXPRESSIONS.get(type(node))
        if make is None:
            raise _Unsupported(type(node).__name__)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Unsupported("a long chain")
        made = make(self, node)
        self._depth -= 1
        if self._lines[node.lineno] + node.col_offset in self._brackets.opened:
            made.parentheses += self._brackets.around(self._start(node), self._end(node))
        return made

    def name(self, node: ast.Name) -> nodes.Name:
        return nodes.Name(node.id)

    def constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is None or value is True or value is False:
            return nodes.Name(str(value))
        if value is ...:
            return nodes.Ellipsis()
        written = self._written(node)
        if isinstance(value, (str, bytes)):
            return nodes.SimpleString(written) if _STRING.fullmatch(written) else self._parsed(written)
        kind = _NUMBERS[type(value)]
        return kind(written)

    def _parsed(self, written: str) -> Any:
        """An expression that libcst parses."""
        made = lowered_expression(libcst.parse_expression(f"({written})"))
        made.parentheses -= 1
        return made

    def formatted(self, node: ast.JoinedStr) -> Any:
        written = self._written(node)
        if not _STRINGS.fullmatch(written):
            raise _Unsupported("a string within a string of the same quotation marks")
        return self._parsed(written)

    def attribute(self, node: ast.Attribute) -> nodes.Attribute:
        return nodes.Attribute(self.expression(node.value), nodes.Name(node.attr))

    def call(self, node: ast.Call) -> nodes.Call:
        self._brackets.own.add(self._end(node) - 1)
        return nodes.Call(self.expression(node.func), self._args(node.args, node.keywords))

    def _args(self, args: Iterable[ast.expr], keywords: Sequence[ast.keyword]) -> tuple[nodes.Arg, ...]:
        found: list[Any] = list(args)
        if keywords:
            found = sorted([*found, *keywords], key=lambda one: (one.lineno, one.col_offset))
        return tuple([self._arg(one) for one in found])

    def _arg(self, node: Any) -> nodes.Arg:
        if type(node) is ast.Starred:
            return nodes.Arg(self.expression(node.value), None, "*")
        if type(node) is not ast.keyword:
            return nodes.Arg(self.expression(node))
        if node.arg is None:
            return nodes.Arg(self.expression(node.value), None, "**")
        return nodes.Arg(self.expression(node.value), nodes.Name(node.arg))

    def subscript(self, node: ast.Subscript) -> nodes.Subscript:
        value, index = self.expression(node.value), node.slice
        parts = [index]
        if type(index) is ast.Tuple and not self._is_in_brackets(index):
            parts = index.elts
        last = len(parts) - 1
        return nodes.Subscript(
            value,
            tuple(
                [
                    nodes.SubscriptElement(
                        self._slice(one), number < last or _COMMA.match(self._text, self._outer_end(one)) is not None
                    )
                    for number, one in enumerate(parts)
                ]
            ),
        )

    def _slice(self, node: ast.expr) -> Any:
        if type(node) is ast.Slice:
            return nodes.Slice(self.optional(node.lower), self.optional(node.upper), self.optional(node.step))
        if type(node) is ast.Starred:
            return nodes.Index(self.expression(node.value), "*")
        return nodes.Index(self.expression(node))

    def _is_in_brackets(self, node: ast.expr) -> bool:
        """Whether a tuple or a generator has parentheses of its own."""
        return self._brackets.pairs.get(self._start(node)) == self._end(node) - 1

    def _outer_end(self, node: ast.expr) -> int:
        """Where an expression ends with the parentheses around it."""
        return self._brackets.outer_end(self._start(node), self._end(node))

    def comparison(self, node: ast.Compare) -> nodes.Comparison:
        left = self.expression(node.left)
        targets = [
            nodes.ComparisonTarget(_OPERATORS[type(op)], self.expression(one))
            for op, one in zip(node.ops, node.comparators)
        ]
        return nodes.Comparison(left, tuple(targets))

    def unary(self, node: ast.UnaryOp) -> nodes.UnaryOperation:
        return nodes.UnaryOperation(_OPERATORS[type(node.op)], self.expression(node.operand))

    def binary(self, node: ast.BinOp) -> nodes.BinaryOperation:
        return nodes.BinaryOperation(self.expression(node.left), _OPERATORS[type(node.op)], self.expression(node.right))

    def boolean(self, node: ast.BoolOp) -> Any:
        operator = _OPERATORS[type(node.op)]
        made = self.expression(node.values[0])
        for one in node.values[1:]:
            made = nodes.BooleanOperation(made, operator, self.expression(one))
        return made

    def lambda_(self, node: ast.Lambda) -> nodes.Lambda:
        return nodes.Lambda(self._parameters(node.args), self.expression(node.body))

    def conditional(self, node: ast.IfExp) -> nodes.IfExp:
        return nodes.IfExp(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))

    def named(self, node: ast.NamedExpr) -> nodes.NamedExpr:
        return nodes.NamedExpr(self.expression(node.target), self.expression(node.value))

    def await_(self, node: ast.Await) -> nodes.Await:
        return nodes.Await(self.expression(node.value))

    def yield_(self, node: ast.Yield) -> nodes.Yield:
        return nodes.Yield(self.optional(node.value))

    def yield_from(self, node: ast.YieldFrom) -> nodes.Yield:
        return nodes.Yield(nodes.From(self.expression(node.value)))

    def tuple_(self, node: ast.Tuple) -> nodes.Tuple:
        return nodes.Tuple(self._elements(node.elts), parentheses=int(self._is_in_brackets(node)))

    def list_(self, node: ast.List) -> nodes.List:
        return nodes.List(self._elements(node.elts))

    def set_(self, node: ast.Set) -> nodes.Set:
        return nodes.Set(self._elements(node.elts))

    def _elements(self, found: Iterable[ast.expr]) -> tuple[Any, ...]:
        return tuple(
            [
                nodes.StarredElement(self.expression(one.value))
                if type(one) is ast.Starred
                else nodes.Element(self.expression(one))
                for one in found
            ]
        )

    def starred(self, node: ast.Starred) -> nodes.StarredElement:
        return nodes.StarredElement(self.expression(node.value))

    def dict_(self, node: ast.Dict) -> nodes.Dict:
        return nodes.Dict(
            tuple(
                [
                    nodes.StarredDictElement(self.expression(value))
                    if key is None
                    else nodes.DictElement(self.expression(key), self.expression(value))
                    for key, value in zip(node.keys, node.values)
                ]
            )
        )

    def list_comprehension(self, node: ast.ListComp) -> nodes.ListComp:
        return nodes.ListComp(self.expression(node.elt), self._for_in(node.generators))

    def set_comprehension(self, node: ast.SetComp) -> nodes.SetComp:
        return nodes.SetComp(self.expression(node.elt), self._for_in(node.generators))

    def dict_comprehension(self, node: ast.DictComp) -> nodes.DictComp:
        key = self.expression(node.key)
        return nodes.DictComp(key, self.expression(node.value), self._for_in(node.generators))

    def generator(self, node: ast.GeneratorExp) -> nodes.GeneratorExp:
        is_own = self._end(node) - 1 not in self._brackets.own  # and not that of the call
        element = self.expression(node.elt)
        return nodes.GeneratorExp(element, self._for_in(node.generators), parentheses=int(is_own))

    def _for_in(self, generators: Sequence[ast.comprehension]) -> nodes.CompFor:
        made: nodes.CompFor | None = None
        for one in reversed(generators):
            made = nodes.CompFor(
                self.expression(one.target),
                self.expression(one.iter),
                tuple([nodes.CompIf(self.expression(test)) for test in one.ifs]),
                made,
                _asynchronous(bool(one.is_async)),
            )
        assert made is not None
        return made


def _asynchronous(is_so: bool) -> nodes.Asynchronous | None:
    return nodes.Asynchronous() if is_so else None


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


_NUMBERS: dict[type, type[nodes.BaseNumber]] = {int: nodes.Integer, float: nodes.Float, complex: nodes.Imaginary}
_KINDS: dict[type[ast.AST], type[nodes.BaseOperator]] = {
    ast.Add: nodes.Add,
    ast.Sub: nodes.Subtract,
    ast.Mult: nodes.Multiply,
    ast.MatMult: nodes.MatrixMultiply,
    ast.Div: nodes.Divide,
    ast.FloorDiv: nodes.FloorDivide,
    ast.Mod: nodes.Modulo,
    ast.Pow: nodes.Power,
    ast.LShift: nodes.LeftShift,
    ast.RShift: nodes.RightShift,
    ast.BitOr: nodes.BitOr,
    ast.BitXor: nodes.BitXor,
    ast.BitAnd: nodes.BitAnd,
    ast.UAdd: nodes.Plus,
    ast.USub: nodes.Minus,
    ast.Invert: nodes.BitInvert,
    ast.Not: nodes.Not,
    ast.And: nodes.And,
    ast.Or: nodes.Or,
    ast.Eq: nodes.Equal,
    ast.NotEq: nodes.NotEqual,
    ast.Lt: nodes.LessThan,
    ast.LtE: nodes.LessThanEqual,
    ast.Gt: nodes.GreaterThan,
    ast.GtE: nodes.GreaterThanEqual,
    ast.Is: nodes.Is,
    ast.IsNot: nodes.IsNot,
    ast.In: nodes.In,
    ast.NotIn: nodes.NotIn,
}
_OPERATORS: dict[type[ast.AST], Any] = {theirs: nodes.OPERATORS[ours] for theirs, ours in _KINDS.items()}
_AUGMENTED: dict[type[ast.AST], Any] = {
    theirs: nodes.OPERATORS[getattr(nodes, f"{ours.__name__}Assign")]
    for theirs, ours in _KINDS.items()
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
_EXPRESSIONS: dict[type[ast.AST], Make] = {
    ast.Name: _Reader.name,
    ast.Constant: _Reader.constant,
    ast.JoinedStr: _Reader.formatted,
    ast.Attribute: _Reader.attribute,
    ast.Call: _Reader.call,
    ast.Subscript: _Reader.subscript,
    ast.Compare: _Reader.comparison,
    ast.UnaryOp: _Reader.unary,
    ast.BinOp: _Reader.binary,
    ast.BoolOp: _Reader.boolean,
    ast.Lambda: _Reader.lambda_,
    ast.IfExp: _Reader.conditional,
    ast.NamedExpr: _Reader.named,
    ast.Await: _Reader.await_,
    ast.Yield: _Reader.yield_,
    ast.YieldFrom: _Reader.yield_from,
    ast.Tuple: _Reader.tuple_,
    ast.List: _Reader.list_,
    ast.Set: _Reader.set_,
    ast.Starred: _Reader.starred,
    ast.Dict: _Reader.dict_,
    ast.ListComp: _Reader.list_comprehension,
    ast.SetComp: _Reader.set_comprehension,
    ast.DictComp: _Reader.dict_comprehension,
    ast.GeneratorExp: _Reader.generator,
}
