"""Names that a program computes: `getattr(models, name)`, `models.__dict__[name]`, `eval("models." + name)`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from bn_lint.static.interpreter.attributes import get_attribute
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import members, modules_in
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
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import switches_or_trains

#: Stands for the parts of a text that are not known.
_HOLE = "_unknown_part"
#: Fields of a text, in either notation.
_FIELDS = re.compile(r"\{[^{}]*\}|%[sd]")
_FOLLOWED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?:\(\))?")


def any_factory(interpreter: Interpreter, values: Iterable[Value]) -> Value:
    """What a name that is not known means among others, where it is a function or a class of modules; or ABSENT.

    It is not the function that runs: what looks up a part by its name is none of the parts.
    """
    others = (one for one in values if _is_factory(one) and not any(one is running for running in interpreter.stack))
    found = list(islice(others, MAX_MODULES + 1))
    return join(found) if len(found) <= MAX_MODULES else ABSENT


def any_entry(interpreter: Interpreter, entries: list[Value]) -> Value:
    """What an unknown key of a table means, if all that it holds are functions or classes of modules; or ABSENT."""
    return any_factory(interpreter, entries) if entries and all(map(_is_factory, entries)) else ABSENT


def any_member(interpreter: Interpreter, module: ModuleScope) -> Value:
    """What a module of the project has under a name that is not known."""
    found = any_factory(interpreter, members(interpreter, module).values())
    return Unknown("?", f"which name of `{module.name}` is meant is not known") if found is ABSENT else found


def evaluate_text(interpreter: Interpreter, text: Value, ref: NodeRef, frame: Frame) -> Value:
    """Return what `eval` gives for a text, of which parts may not be known.

    Only dotted names are followed, and calls of them without arguments: `"models." + name` is anything in `models`.
    """
    node = ref.node
    if not isinstance(text, str) and isinstance(node, cst.Call) and node.args:
        text = "".join(_pieces(interpreter, node.args[0].value, frame))
    if not isinstance(text, str) or len(text) > MAX_EVALUATED_TEXT or _FOLLOWED.fullmatch(text) is None:
        return Unknown("eval", "only names and calls without arguments are evaluated")
    found = _dotted(interpreter, text.removesuffix("()").split("."), ref, frame)
    if found is ABSENT:
        return Unknown("eval", "what the text names is not known")
    return call(interpreter, found, Arguments(), ref, frame) if text.endswith("()") else found


def _pieces(interpreter: Interpreter, node: cst.BaseExpression, frame: Frame) -> Iterator[str]:
    """The parts of a text, with a name in place of what is not known. What was called is not called again."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        yield from _pieces(interpreter, node.left, frame)
        yield from _pieces(interpreter, node.right, frame)
    elif isinstance(node, cst.FormattedString):
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                yield part.value
            elif isinstance(part, cst.FormattedStringExpression):
                yield from _pieces(interpreter, part.expression, frame)
    elif (template := _template(node)) is not None:
        value = evaluate(interpreter, template, frame)
        yield _FIELDS.sub(_HOLE, value) if isinstance(value, str) else "?"
    elif isinstance(node, (cst.SimpleString, cst.Name, cst.Attribute, cst.Subscript)):
        value = evaluate(interpreter, node, frame) if isinstance(node, (cst.SimpleString, cst.Name)) else None
        yield value if isinstance(value, str) else _HOLE
    else:
        yield "?"  # it may be any code, such as a name with a call behind it


def _template(node: cst.BaseExpression) -> cst.SimpleString | None:
    """The text with fields in `"models.{}()".format(name)` and `"models.%s()" % name`."""
    text = None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
        text = node.func.value
    elif isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        text = node.left
    return text if isinstance(text, cst.SimpleString) else None


def _dotted(interpreter: Interpreter, names: list[str], ref: NodeRef, frame: Frame) -> Value:
    """What a dotted name with unknown parts may mean; ABSENT if it cannot be told."""
    *owners, name = names
    if not owners:
        if _HOLE in name:
            return any_factory(interpreter, filter(_is_module_class, members(interpreter, frame.module).values()))
        return evaluate(interpreter, cst.Name(name), frame)
    if _HOLE in owners[-1]:
        # `models.<unknown>.get_net`: the function of that name in any module of the package, or of those in sight.
        package = _dotted(interpreter, owners[:-1], ref, frame) if len(owners) > 1 else frame.module
        scopes = modules_in(interpreter, package) if isinstance(package, ModuleScope) else ()
        return any_factory(interpreter, (members(interpreter, one).get(name, ABSENT) for one in scopes))
    owner = _dotted(interpreter, owners, ref, frame)
    if _HOLE in name:
        return any_member(interpreter, owner) if isinstance(owner, ModuleScope) else ABSENT
    return ABSENT if owner is ABSENT else get_attribute(interpreter, owner, name, ref)


def _is_factory(value: Value) -> bool:
    return isinstance(value, Function) or _is_module_class(value) or _is_trainer(value)


def _is_trainer(value: Value) -> bool:
    """Whether a class has a method that trains models or switches their mode."""
    if not isinstance(value, Class):
        return False
    methods = (one for cls in value.mro if isinstance(cls, Class) for one in cls.cells.values())
    return any(
        isinstance(one, Function) and isinstance(one.node, cst.FunctionDef) and switches_or_trains(one.node)
        for one in methods
    )


def _is_module_class(value: Value) -> bool:
    return isinstance(value, Class) and value.is_module
