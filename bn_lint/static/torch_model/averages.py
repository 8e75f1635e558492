"""Averages of models: `torch.optim.swa_utils`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Purpose, StaleStatistics
from bn_lint.static.interpreter.lattice.copying import clone
from bn_lint.static.interpreter.values import Arguments, Builtin, Instance, LibraryClass, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import ImportTable
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import ways_to
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.torch_model.events import EventLog


def averaged_model(wrapper: LibraryClass) -> LibraryClass:
    """`AveragedModel`: a wrapper around a copy of the model."""

    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        from bn_lint.static.interpreter.assign import register

        copy = clone(arguments.get(1, "model", Unknown("model")))
        if isinstance(copy, Instance):
            copy.owner = None
        register(interpreter, arguments.receiver, "module", copy)

    def update(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        interpreter.store.disturb()
        events_of(interpreter).averaged.add(id(arguments.receiver))
        events_of(interpreter).prepare(arguments.receiver, ref)
        return None

    methods: dict[str, Value] = {
        "__init__": Builtin("__init__", init),
        "update_parameters": Builtin("update_parameters", update),
    }
    return LibraryClass("torch.optim.swa_utils.AveragedModel", (wrapper,), (), methods, wraps="model")


def _update_statistics(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    """`update_bn` runs the model in training mode and puts back the mode it found."""
    events_of(interpreter).statistics_known(arguments.get(1, "model"), ref)


def stale_averages(events: EventLog) -> Iterator[StaleStatistics]:
    """Models that are used in evaluation mode, whose weights follow those of a trained one and whose statistics stay.

    That is so when nothing ever runs them in training mode, and nothing may have read or written their buffers.
    """
    from bn_lint.static.torch_model.describing import path_to
    from bn_lint.static.torch_model.symbolic_models import is_symbolic

    for module, order, ref in events.written.values():
        if is_symbolic(module):
            continue
        calls = [call for call in events.calls if events.is_part_of(module, call.model)]
        used = next(
            (call for call in calls if call.grad is False and call.order > order and call.states == {False}), None
        )
        if used is None or any(call.states != {False} for call in calls):
            continue
        trained = (call for call in events.calls if call.purpose is Purpose.TRAINING and True in call.states)
        if not any(call.model.cls is used.model.cls or call.model.cls is module.cls for call in trained):
            continue
        seen = (
            where
            for one, when, where in events.statistics_seen
            if events.related(one, used.model) and _counts(where, when, order)
        )
        if any(True for _ in seen):
            continue
        text = code_of(used.ref.node.func) if isinstance(used.ref.node, cst.Call) else "the model"
        yield StaleStatistics(
            text,
            ref.place,
            Evidence(f"`{text}` is used in evaluation mode here", used.ref.place),
            path_to(used.frame),
        )
        return


def _counts(where: NodeRef, when: int, averaged: int) -> bool:
    """Whether a use of the buffers may keep them up to date: saving them does not, nor what was loaded first."""
    match where.node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="load_state_dict"))):
            return when > averaged
    above = ways_to([where.node], where.file.tree).get(where.node, ())
    imports = ImportTable.of(where.file.tree)
    return not any(isinstance(node, cst.Call) and imports.qualified(node.func) == "torch.save" for node in above)


AVERAGES: dict[str, Value] = {"torch.optim.swa_utils.update_bn": Builtin("update_bn", _update_statistics)}
