"""How nodes are written, in the layout that most people give them: what messages quote, and what is compared as text.

`SourceFile.text` gives the text of a file itself, and parses it for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bn_lint.static.syntax import nodes as cst


def code_of(node: cst.CSTNode) -> str:
    """An expression, or a simple statement, in one line."""
    code = _WRITE[type(node)](node)
    pairs = node.parentheses if isinstance(node, cst.BaseExpression) else 0
    return f"{'(' * pairs}{code}{')' * pairs}" if pairs else code


def _each(nodes: Iterable[cst.CSTNode]) -> str:
    return ", ".join(map(code_of, nodes))


def _after(before: str, node: cst.CSTNode | None) -> str:
    """A part that may be missing, with what stands before it."""
    return "" if node is None else f"{before}{code_of(node)}"


def _value(node: Any) -> str:
    return node.value  # type: ignore[no-any-return]


def _sign(node: cst.BaseOperator) -> str:
    return node.SIGN


def _two_sides(node: cst.BinaryOperation | cst.BooleanOperation) -> str:
    return f"{code_of(node.left)} {node.operator.SIGN} {code_of(node.right)}"


def _unary(node: cst.UnaryOperation) -> str:
    space = " " if isinstance(node.operator, cst.Not) else ""
    return f"{node.operator.SIGN}{space}{code_of(node.expression)}"


def _comparison(node: cst.Comparison) -> str:
    return " ".join([code_of(node.left), *map(code_of, node.comparisons)])


def _arg(node: cst.Arg) -> str:
    return f"{node.star}{node.keyword.value}={code_of(node.value)}" if node.keyword else node.star + code_of(node.value)


def _slice(node: cst.Slice) -> str:
    return f"{_after('', node.lower)}:{_after('', node.upper)}{_after(':', node.step)}"


def _subscript(node: cst.Subscript) -> str:
    comma = "," if len(node.slice) == 1 and node.slice[0].comma else ""
    return f"{code_of(node.value)}[{_each(node.slice)}{comma}]"


def _parameters(node: cst.Parameters) -> str:
    found = list(map(code_of, node.posonly_params))
    found += ["/"] if found else []
    found += map(code_of, node.params)
    found += (
        ["*" if isinstance(node.star_arg, cst.ParamStar) else f"*{code_of(node.star_arg)}"] if node.star_arg else []
    )
    found += map(code_of, node.kwonly_params)
    found += [f"**{code_of(node.star_kwarg)}"] if node.star_kwarg else []
    return ", ".join(found)


def _param(node: cst.Param) -> str:
    equals = " = " if node.annotation is not None else "="
    return f"{node.name.value}{_after(': ', node.annotation)}{_after(equals, node.default)}"


def _lambda(node: cst.Lambda) -> str:
    parameters = code_of(node.params)
    return f"lambda {parameters}: {code_of(node.body)}" if parameters else f"lambda: {code_of(node.body)}"


def _comp_for(node: cst.CompFor) -> str:
    word = "async for" if node.asynchronous is not None else "for"
    ifs = "".join(f" if {code_of(one.test)}" for one in node.ifs)
    return f"{word} {code_of(node.target)} in {code_of(node.iter)}{ifs}{_after(' ', node.inner_for_in)}"


def _tuple(node: cst.Tuple) -> str:
    return f"{code_of(node.elements[0])}," if len(node.elements) == 1 else _each(node.elements)


def _formatted(node: cst.FormattedString | cst.TemplatedString) -> str:
    return f"{node.start}{''.join(map(code_of, node.parts))}{node.end}"


def _replaced(node: cst.FormattedStringExpression | cst.TemplatedStringExpression) -> str:
    conversion = f"!{node.conversion}" if node.conversion else ""
    spec = "" if node.format_spec is None else f":{''.join(map(code_of, node.format_spec))}"
    return f"{{{code_of(node.expression)}{conversion}{spec}}}"


def _assign(node: cst.Assign) -> str:
    return " = ".join([*(code_of(one.target) for one in node.targets), code_of(node.value)])


def _imported(node: cst.Import | cst.LazyImport) -> str:
    return f"import {_each(node.names)}"


def _imported_from(node: cst.ImportFrom | cst.LazyImportFrom) -> str:
    names = "*" if isinstance(node.names, cst.ImportStar) else _each(node.names)
    return f"from {'.' * node.relative}{_after('', node.module)} import {names}"


#: What writes each kind of node, without the parentheses around it.
_WRITE: dict[type[cst.CSTNode], Callable[[Any], str]] = {
    **dict.fromkeys((each for each in cst.KINDS if issubclass(each, cst.BaseOperator)), _sign),
    **dict.fromkeys((cst.Name, cst.Integer, cst.Float, cst.Imaginary, cst.SimpleString), _value),
    **dict.fromkeys((cst.FormattedStringText, cst.TemplatedStringText), _value),
    cst.Attribute: lambda node: f"{code_of(node.value)}.{node.attr.value}",
    cst.ConcatenatedString: lambda node: f"{code_of(node.left)} {code_of(node.right)}",
    cst.FormattedString: _formatted,
    cst.FormattedStringExpression: _replaced,
    cst.TemplatedString: _formatted,
    cst.TemplatedStringExpression: _replaced,
    cst.Ellipsis: lambda node: "...",
    cst.Comparison: _comparison,
    cst.ComparisonTarget: lambda node: f"{node.operator.SIGN} {code_of(node.comparator)}",
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _two_sides,
    cst.BooleanOperation: _two_sides,
    cst.Call: lambda node: f"{code_of(node.func)}({_each(node.args)})",
    cst.Arg: _arg,
    cst.Subscript: _subscript,
    cst.SubscriptElement: lambda node: code_of(node.slice),
    cst.Index: lambda node: (node.star or "") + code_of(node.value),
    cst.Slice: _slice,
    cst.Lambda: _lambda,
    cst.Parameters: _parameters,
    cst.Param: _param,
    cst.Annotation: lambda node: code_of(node.annotation),
    cst.IfExp: lambda node: f"{code_of(node.body)} if {code_of(node.test)} else {code_of(node.orelse)}",
    cst.NamedExpr: lambda node: f"{code_of(node.target)} := {code_of(node.value)}",
    cst.Await: lambda node: f"await {code_of(node.expression)}",
    cst.Yield: lambda node: f"yield{_after(' ', node.value)}",
    cst.From: lambda node: f"from {code_of(node.item)}",
    cst.Tuple: _tuple,
    cst.List: lambda node: f"[{_each(node.elements)}]",
    cst.Set: lambda node: f"{{{_each(node.elements)}}}",
    cst.Element: lambda node: code_of(node.value),
    cst.StarredElement: lambda node: f"*{code_of(node.value)}",
    cst.Dict: lambda node: f"{{{_each(node.elements)}}}",
    cst.DictElement: lambda node: f"{code_of(node.key)}: {code_of(node.value)}",
    cst.StarredDictElement: lambda node: f"**{code_of(node.value)}",
    cst.ListComp: lambda node: f"[{code_of(node.elt)} {code_of(node.for_in)}]",
    cst.SetComp: lambda node: f"{{{code_of(node.elt)} {code_of(node.for_in)}}}",
    cst.GeneratorExp: lambda node: f"{code_of(node.elt)} {code_of(node.for_in)}",
    cst.DictComp: lambda node: f"{{{code_of(node.key)}: {code_of(node.value)} {code_of(node.for_in)}}}",
    cst.StarredDictComp: lambda node: f"{{**{code_of(node.value)} {code_of(node.for_in)}}}",
    cst.CompFor: _comp_for,
    cst.Expr: lambda node: code_of(node.value),
    cst.Assign: _assign,
    cst.AnnAssign: lambda node: f"{code_of(node.target)}: {code_of(node.annotation)}{_after(' = ', node.value)}",
    cst.AugAssign: lambda node: f"{code_of(node.target)} {node.operator.SIGN} {code_of(node.value)}",
    cst.Pass: lambda node: "pass",
    cst.Break: lambda node: "break",
    cst.Continue: lambda node: "continue",
    cst.Del: lambda node: f"del {code_of(node.target)}",
    cst.Return: lambda node: f"return{_after(' ', node.value)}",
    cst.Raise: lambda node: f"raise{_after(' ', node.exc)}{_after(' ', node.cause)}",
    cst.Assert: lambda node: f"assert {code_of(node.test)}{_after(', ', node.msg)}",
    cst.Global: lambda node: f"global {_each(node.names)}",
    cst.Nonlocal: lambda node: f"nonlocal {_each(node.names)}",
    cst.NameItem: lambda node: node.name.value,
    cst.Import: _imported,
    cst.ImportFrom: _imported_from,
    cst.LazyImport: _imported,
    cst.LazyImportFrom: _imported_from,
    cst.ImportAlias: lambda node: f"{code_of(node.name)}{_after(' as ', node.asname)}",
    cst.AsName: lambda node: code_of(node.name),
    cst.TypeAlias: lambda node: f"type {node.name.value} = {code_of(node.value)}",
}
