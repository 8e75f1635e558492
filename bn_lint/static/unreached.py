"""BatchNorm constructors that no entry point reached."""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.static.interpreter.budget import BudgetExhausted
from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import module_at
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Arguments, Unknown
from bn_lint.static.schedule import Schedule
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.batchnorm import builds_batchnorm

_CONSTANTS = frozenset({"True", "False", "None"})


def unreached_constructors(interpreter: Interpreter, schedule: Schedule, file: SourceFile) -> Iterator[NodeRef]:
    """Build the layers of a file that no entry point built, and yield where.

    What is written out in such a call can still be wrong. Names mean what they mean where the call stands, which
    nobody knows here: only the name of the class is looked up, and that in the module.
    """
    scope = module_at(interpreter, file.path)
    if scope is None:
        return
    frame = Frame(scope, file, {})
    for node in schedule.missed(file):
        if not _is_dotted_name(node.func):
            continue
        interpreter.start()
        try:
            called = evaluate(interpreter, node.func, frame)
            if builds_batchnorm(called):
                call(interpreter, called, _written_out(interpreter, node, frame), NodeRef(file, node), frame)
                yield NodeRef(file, node)
        except BudgetExhausted:
            continue


def _is_dotted_name(node: cst.BaseExpression) -> bool:
    while isinstance(node, cst.Attribute):
        node = node.value
    return isinstance(node, cst.Name)


def _written_out(interpreter: Interpreter, node: cst.Call, frame: Frame) -> Arguments:
    """The arguments of a call, of which only literals are known."""
    arguments = Arguments()
    for argument in node.args:
        value = evaluate(interpreter, argument.value, frame) if _is_written_out(argument.value) else Unknown("?")
        if argument.star:
            arguments.more = True
        elif argument.keyword is None:
            arguments.positional.append(value)
        else:
            arguments.keywords[argument.keyword.value] = value
    return arguments


def _is_written_out(node: cst.BaseExpression) -> bool:
    return not any(
        isinstance(part, (cst.Call, cst.Attribute, cst.NamedExpr))
        or (isinstance(part, cst.Name) and part.value not in _CONSTANTS)
        for part in walk(node)
    )
