"""How models, calls of them and switches of their mode are told in facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Purpose, Shows
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.mode import Mode

if TYPE_CHECKING:
    from bn_lint.static.torch_model.events import EventLog
    from bn_lint.static.torch_model.happened import Call


def text_of(ref: NodeRef | None, given: Instance | None = None) -> str:
    """The model as the caller writes it: what is called, what a method is called on, or what a tool is given."""
    node = ref.node if ref is not None else None
    if not isinstance(node, cst.Call):
        return "the model"
    if given is not None:
        return code_of(node.args[0].value) if node.args else "the model"
    target = node.func
    if isinstance(target, cst.Attribute) and target.attr.value in ("train", "eval", "forward", "__call__"):
        target = target.value
    return code_of(target)


def model_of(call: Call) -> str:
    """The model of a call, in the words of who calls it, one of its methods, or a tool that runs it."""
    node = call.ref.node
    if call.is_method and isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return code_of(node.func.value)
    return text_of(call.ref, None if call.purpose in (None, Purpose.TRAINING) else call.model)


def evidence_at(text: str, ref: NodeRef | None) -> Evidence | None:
    """A sentence about a place; None without one."""
    return None if ref is None else Evidence(text, ref.place)


def mode_evidence(mode: Mode | None) -> Evidence | None:
    """What put a model in its mode; None for the mode that it was built in."""
    if mode is None or mode.ref is None:
        return None
    shows = Shows.TRAINING_MODE if mode.training else Shows.EVALUATION_MODE
    return Evidence.of(shows, mode.ref.place, text_of(mode.ref))


def override_that_ignores_eval(events: EventLog, call: Call) -> Evidence | None:
    """The `train` of the program that the last `eval()` of a model called, of one that is in training mode."""
    before = (s for s in events.switches if s.mode.order < call.order and events.related(s.model, call.model))
    frame = last.frame if (last := max(before, key=lambda s: s.mode.order, default=None)) is not None else None
    function = frame.function if frame is not None else None
    if frame is None or function is None or function.name != "train" or frame.owner is None:
        return None
    site = frame.site.node if frame.site is not None else None
    if not (isinstance(site, cst.Call) and isinstance(site.func, cst.Attribute) and site.func.attr.value == "eval"):
        return None
    method = f"{frame.owner.name}.train"
    return Evidence(f"`{method}` is what eval() calls", NodeRef(frame.file, function.node).place, subject=method)


def ref_of(mode: Mode) -> NodeRef:
    """Where a mode was set by the program."""
    assert mode.ref is not None, "a mode that a program set has a place"
    return mode.ref
