"""How models, calls of them and switches of their mode are told in facts."""

from __future__ import annotations

import libcst as cst

from bn_lint.facts import Evidence, Shows
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import Mode


def text_of(ref: NodeRef | None, given: Instance | None = None) -> str:
    """The model as the caller writes it: what is called, what a method is called on, or what a tool is given."""
    node = ref.node if ref is not None else None
    if not isinstance(node, cst.Call):
        return "the model"
    if given is not None:
        return cst.Module([]).code_for_node(node.args[0].value) if node.args else "the model"
    target = node.func
    if isinstance(target, cst.Attribute) and target.attr.value in ("train", "eval", "forward", "__call__"):
        target = target.value
    return cst.Module([]).code_for_node(target)


def evidence_at(text: str, ref: NodeRef | None) -> Evidence | None:
    """A sentence about a place; None without one."""
    return None if ref is None else Evidence(text, ref.place)


def mode_evidence(mode: Mode | None) -> Evidence | None:
    """What put a model in its mode; None for the mode that it was built in."""
    if mode is None or mode.ref is None:
        return None
    shows = Shows.TRAINING_MODE if mode.training else Shows.EVALUATION_MODE
    return Evidence.of(shows, mode.ref.place, text_of(mode.ref))


def ref_of(mode: Mode) -> NodeRef:
    """Where a mode was set by the program."""
    assert mode.ref is not None, "a mode that a program set has a place"
    return mode.ref
