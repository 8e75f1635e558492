"""Expressions, made from those of Python's own parser (see `from_ast.py`)."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.brackets import Brackets
from bn_lint.static.syntax.lower import read_expression

Make: TypeAlias = Callable[["ExpressionReader", Any], Any]

#: A comma, behind whatever may stand between two words or signs.
COMMA = re.compile(rb"(?:[ \t\n]|\\\n|#[^\n]*\n)*,")
#: A string that is written in one piece, or what stands between two that follow each other.
_PIECE = re.compile(
    r"""(?P<string>[a-zA-Z]{0,2}(?:(\"\"\"|''')(?:\\[\s\S]|(?!\2)[^\\])*(?:\2|\\?\Z)"""
    r"""|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?))"""
    r"""|(?:[ \t\f\n]|\\\n|#[^\n]*)+"""
)
#: Expressions within each other; how many are too many is for libcst's parser to say.
MAX_DEPTH = 500


class Unsupported(Exception):
    """Something of which Python's parser says too little."""


class ExpressionReader:
    """Makes the expressions of one file."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        #: Where lines start, by their numbers.
        self._lines = [0, 0, *(match.end() for match in re.finditer(rb"\n", text))]
        self._depth = 0
        self._brackets = Brackets(text)

    def _start(self, node: Any) -> int:
        start: int = self._lines[node.lineno] + node.col_offset
        return start

    def _end(self, node: Any) -> int:
        end: int = self._lines[node.end_lineno] + node.end_col_offset
        return end

    def _written(self, node: Any) -> str:
        return self._text[self._start(node) : self._end(node)].decode()

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

    def optional(self, node: ast.expr | None) -> Any:
        return None if node is None else self.expression(node)

    def expression(self, node: ast.expr) -> Any:
        """An expression, with the parentheses around it."""
        make = _EXPRESSIONS.get(type(node))
        if make is None:
            raise Unsupported(type(node).__name__)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unsupported("a long chain")
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
            return nodes.SimpleString(written) if _strings_in(written) == 1 else self._parsed(written)
        kind = _NUMBERS[type(value)]
        return kind(written)

    def _parsed(self, written: str) -> Any:
        """An expression that libcst parses."""
        made = read_expression(f"({written})")
        made.parentheses -= 1
        return made

    def formatted(self, node: ast.JoinedStr) -> Any:
        written = self._written(node)
        if not _strings_in(written):
            raise Unsupported("a string within a string of the same quotation marks")
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
                        self._slice(one), number < last or COMMA.match(self._text, self._outer_end(one)) is not None
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
                asynchronous(bool(one.is_async)),
            )
        assert made is not None
        return made


def _strings_in(text: str) -> int:
    """How many strings follow each other in a text; 0 if there is something else between them."""
    count = position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None or found.end() == position:
            return 0
        count += found["string"] is not None
        position = found.end()
    return count


def asynchronous(is_so: bool) -> nodes.Asynchronous | None:
    return nodes.Asynchronous() if is_so else None


_NUMBERS: dict[type, type[nodes.BaseNumber]] = {int: nodes.Integer, float: nodes.Float, complex: nodes.Imaginary}
KINDS: dict[type[ast.AST], type[nodes.BaseOperator]] = {
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
_OPERATORS: dict[type[ast.AST], Any] = {theirs: nodes.OPERATORS[ours] for theirs, ours in KINDS.items()}
_EXPRESSIONS: dict[type[ast.AST], Make] = {
    ast.Name: ExpressionReader.name,
    ast.Constant: ExpressionReader.constant,
    ast.JoinedStr: ExpressionReader.formatted,
    ast.Attribute: ExpressionReader.attribute,
    ast.Call: ExpressionReader.call,
    ast.Subscript: ExpressionReader.subscript,
    ast.Compare: ExpressionReader.comparison,
    ast.UnaryOp: ExpressionReader.unary,
    ast.BinOp: ExpressionReader.binary,
    ast.BoolOp: ExpressionReader.boolean,
    ast.Lambda: ExpressionReader.lambda_,
    ast.IfExp: ExpressionReader.conditional,
    ast.NamedExpr: ExpressionReader.named,
    ast.Await: ExpressionReader.await_,
    ast.Yield: ExpressionReader.yield_,
    ast.YieldFrom: ExpressionReader.yield_from,
    ast.Tuple: ExpressionReader.tuple_,
    ast.List: ExpressionReader.list_,
    ast.Set: ExpressionReader.set_,
    ast.Starred: ExpressionReader.starred,
    ast.Dict: ExpressionReader.dict_,
    ast.ListComp: ExpressionReader.list_comprehension,
    ast.SetComp: ExpressionReader.set_comprehension,
    ast.DictComp: ExpressionReader.dict_comprehension,
    ast.GeneratorExp: ExpressionReader.generator,
}
