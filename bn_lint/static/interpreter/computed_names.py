"""Names that a program computes: `getattr(models, name)`, `models.__dict__[name]`, `eval("models." + name)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import libcst as cst

from bn_lint.static.interpreter.attributes import get_attribute
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import members
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.limits import MAX_EVALUATED_TEXT, MAX_MODULES
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Class,
    Function,
    ModuleScope,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef

#: Stands for the parts of a text that are not known.
_HOLE = "_unknown_part"


def any_factory(values: Iterable[Value]) -> Value:
    """What a name that is not known means among others, where it is a function or a class of modules; or ABSENT."""
    found = list(islice(filter(_is_factory, values), MAX_MODULES + 1))
    return join(found) if len(found) <= MAX_MODULES else ABSENT


def any_entry(entries: list[Value]) -> Value:
    """What an unknown key of a table means, if all that it holds are functions or classes of modules; or ABSENT."""
    return any_factory(entries) if entries and all(map(_is_factory, entries)) else ABSENT


def any_member(interpreter: Interpreter, module: ModuleScope) -> Value:
    """What a module of the project has under a name that is not known."""
    found = any_factory(members(interpreter, module).values())
    return Unknown("?", f"which name of `{module.name}` is meant is not known") if found is ABSENT else found


def evaluate_text(interpreter: Interpreter, ref: NodeRef, frame: Frame) -> Value:
    """Return what `eval` gives for its argument, of which parts may not be known.

    Of an expression with unknown parts, only a dotted name is followed: `"models." + name` is anything in `models`.
    """
    node = ref.node
    if not isinstance(node, cst.Call) or not node.args:
        return Unknown("eval")
    text = "".join(_pieces(interpreter, node.args[0].value, frame))
    if len(text) > MAX_EVALUATED_TEXT:
        return Unknown("eval", "a long text is not evaluated")
    try:
        expression = cst.parse_expression(text)
    except (cst.ParserSyntaxError, cst.CSTValidationError):
        return Unknown("eval")
    if isinstance(expression, cst.Call) and not expression.args:
        found = _dotted(interpreter, expression.func, ref, frame)
        found = found if found is ABSENT else call(interpreter, found, Arguments(), ref, frame)
    else:
        found = _dotted(interpreter, expression, ref, frame)
    return Unknown("eval", "only names and calls without arguments are evaluated") if found is ABSENT else found


def _pieces(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame) -> Iterator[str]:
    """The parts of a text, with a name in place of what is not known."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        yield from _pieces(interpreter, node.left, frame)
        yield from _pieces(interpreter, node.right, frame)
    elif isinstance(node, cst.FormattedString):
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                yield part.value
            elif isinstance(part, cst.FormattedStringExpression):
                yield from _pieces(interpreter, part.expression, frame)
    else:
        value = evaluate(interpreter, node, frame)
        yield value if isinstance(value, str) else _HOLE


def _dotted(interpreter: Interpreter, node: cst.BaseExpression, ref: NodeRef, frame: Frame) -> Value:
    """What a dotted name with unknown parts may mean; ABSENT if it is something else."""
    if isinstance(node, cst.Name):
        if node.value == _HOLE:
            return any_factory(filter(_is_module_class, members(interpreter, frame.module).values()))
        return evaluate(interpreter, node, frame)
    if not isinstance(node, cst.Attribute):
        return ABSENT
    name, value = node.attr.value, node.value
    if isinstance(value, cst.Attribute) and _HOLE in value.attr.value:
        # `models.<unknown>.get_net`: the function of that name in any module of the package.
        package = _dotted(interpreter, value.value, ref, frame)
        inside = members(interpreter, package).values() if isinstance(package, ModuleScope) else ()
        scopes = [one for one in inside if isinstance(one, ModuleScope)]
        return any_factory(members(interpreter, one).get(name, ABSENT) for one in scopes)
    owner = _dotted(interpreter, value, ref, frame)
    if _HOLE in name:
        return any_member(interpreter, owner) if isinstance(owner, ModuleScope) else ABSENT
    return ABSENT if owner is ABSENT else get_attribute(interpreter, owner, name, ref)


def _is_factory(value: Value) -> bool:
    return isinstance(value, Function) or _is_module_class(value)


def _is_module_class(value: Value) -> bool:
    return isinstance(value, Class) and value.is_module
