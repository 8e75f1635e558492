"""Source text of syntax nodes."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.static.syntax import nodes as cst


def argument_nodes(node: cst.CSTNode) -> Iterator[tuple[int | None, str | None, cst.BaseExpression]]:
    """Yield (position, keyword, expression) of the plain arguments of a call, up to the first star."""
    if not isinstance(node, cst.Call):
        return
    position = 0
    for arg in node.args:
        if arg.star:
            return
        if arg.keyword is not None:
            yield None, arg.keyword.value, arg.value
        else:
            yield position, None, arg.value
            position += 1


def width_node(call: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the width in a call of a BatchNorm constructor."""
    for position, keyword, node in argument_nodes(call):
        if position == 0 or keyword == "num_features":
            return node
    return None


def keyword_node(call: cst.CSTNode, name: str | None) -> cst.Name | None:
    """Return the name of a keyword argument, where it stands in the call."""
    for argument in call.args if isinstance(call, cst.Call) else ():
        if argument.keyword is not None and argument.keyword.value == name:
            return argument.keyword
    return None


def class_node(call: cst.CSTNode, name: str) -> cst.Name | None:
    """Return the name of the called class, when the call reads it from a module: `nn.BatchNorm2d(8)`."""
    match call:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=written) as node)) if written == name:
            return node
    return None


def called_name(call: cst.CSTNode, name: str) -> cst.Name | None:
    """Return the called name, when it stands alone: `BatchNorm2d(8)`."""
    match call:
        case cst.Call(func=cst.Name(value=written) as node) if written == name:
            return node
    return None


def is_quotient(node: cst.BaseExpression) -> bool:
    """Whether an expression is a true division, or a sum or product with one."""
    if not isinstance(node, cst.BinaryOperation):
        return False
    if isinstance(node.operator, cst.Divide):
        return True
    arithmetic = isinstance(node.operator, (cst.Add, cst.Subtract, cst.Multiply, cst.FloorDivide))
    return arithmetic and (is_quotient(node.left) or is_quotient(node.right))


def is_literal(node: cst.BaseExpression) -> bool:
    """Whether an expression is made of numbers only."""
    if isinstance(node, (cst.Integer, cst.Float)):
        return True
    if isinstance(node, cst.BinaryOperation):
        return is_literal(node.left) and is_literal(node.right)
    return isinstance(node, cst.UnaryOperation) and is_literal(node.expression)
