"""Averages of models: `torch.optim.swa_utils`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.facts import Evidence, StaleStatistics
from bn_lint.static.clone import clone
from bn_lint.static.modes.lines import ways_to
from bn_lint.static.places import NodePlace
from bn_lint.static.source_text import code_of
from bn_lint.static.values import Arguments, Builtin, Instance, LibraryClass, Spot, Unknown, Value

if TYPE_CHECKING:
    from bn_lint.static.modes.program import Program
    from bn_lint.static.run import Run

_SAVES = re.compile(r"save|dump", re.IGNORECASE)


def averaged_model(wrapper: LibraryClass) -> LibraryClass:
    """`AveragedModel`: a wrapper around a copy of the model."""

    def init(run: Run, arguments: Arguments, spot: Spot) -> None:
        from bn_lint.static.assign import register

        copy = clone(arguments.get(1, "model", Unknown("model")))
        if isinstance(copy, Instance):
            copy.owner = None
        register(run, arguments.positional[0], "module", copy)

    def update(run: Run, arguments: Arguments, spot: Spot) -> Value:
        run.program.averaged.add(id(arguments.positional[0]))
        run.program.prepare(arguments.positional[0], spot)
        return None

    methods = {"__init__": Builtin("__init__", init), "update_parameters": Builtin("update_parameters", update)}
    return LibraryClass("torch.optim.swa_utils.AveragedModel", (wrapper,), (), methods)


def _update_statistics(run: Run, arguments: Arguments, spot: Spot) -> None:
    """`update_bn` runs the model in training mode and puts back the mode it found."""
    run.program.statistics_known(arguments.get(1, "model"), spot)


def stale_averages(program: Program) -> Iterator[StaleStatistics]:
    """Models that are used in evaluation mode, whose weights follow those of a trained one and whose statistics stay.

    That is so when nothing ever runs them in training mode, and nothing may have read or written their buffers.
    """
    from bn_lint.static.describing import path_to

    for module, order, spot in program.written.values():
        calls = [call for call in program.calls if program.is_part_of(module, call.model)]
        used = next(
            (call for call in calls if call.grad is False and call.order > order and call.states == {False}), None
        )
        if used is None or any(call.states != {False} for call in calls):
            continue
        trained = (call for call in program.calls if call.purpose == "training" and True in call.states)
        if not any(call.model.cls is used.model.cls or call.model.cls is module.cls for call in trained):
            continue
        seen = (
            where
            for one, when, where in program.statistics_seen
            if program.related(one, used.model) and _counts(where, when, order)
        )
        if any(True for _ in seen):
            continue
        text = code_of(used.spot.file, used.spot.node.func) if isinstance(used.spot.node, cst.Call) else "the model"
        yield StaleStatistics(
            text,
            NodePlace(spot),
            Evidence(f"`{text}` is used in evaluation mode here", NodePlace(used.spot)),
            path_to(used.frame),
        )
        return


def _counts(where: Spot, when: int, averaged: int) -> bool:
    """Whether a use of the buffers may keep them up to date: saving them does not, nor what was loaded first."""
    match where.node:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value="load_state_dict"))):
            return when > averaged
    above = ways_to([where.node], where.file.tree).get(where.node, ())
    return not any(isinstance(node, cst.Call) and _SAVES.search(code_of(where.file, node.func)) for node in above[:-1])


AVERAGES: dict[str, Value] = {"torch.optim.swa_utils.update_bn": Builtin("update_bn", _update_statistics)}
