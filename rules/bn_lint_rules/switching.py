"""Remedies of mode rules: lines that switch a model, around those that it is called for."""

from __future__ import annotations

from bn_lint.facts import ModelCall
from bn_lint.rule import Applicability, Edit, Fix


def with_eval(call: ModelCall) -> Fix | None:
    """`model.eval()` before the call, and `model.train()` behind it where training goes on."""
    lines = call.lines
    if lines is None:
        return None
    edits = [Edit(lines.before, f"{call.model}.eval()\n{lines.indent}")]
    if call.resumed:
        if lines.behind is None:
            return None
        edits.append(Edit(lines.behind, f"\n{lines.indent}{call.model}.train()"))
    return Fix(Applicability.UNSAFE, tuple(edits))


def with_train(call: ModelCall) -> Fix | None:
    """`model.train()` before the call."""
    lines = call.lines
    if lines is None:
        return None
    return Fix(Applicability.UNSAFE, (Edit(lines.before, f"{call.model}.train()\n{lines.indent}"),))


def with_other_switch(call: ModelCall, name: str) -> Fix | None:
    """The call that put the model in the wrong mode, by the name of the right one."""
    return None if call.switch_name is None else Fix(Applicability.UNSAFE, (Edit(call.switch_name, name),))


def freezing_again(model: str) -> str:
    """The help where `train()` reaches layers that should stay as they are."""
    return (
        "after every train(), best in an override of train(), call eval() on the frozen part, or on each of its "
        f"layers: for m in {model}.modules(): if isinstance(m, nn.BatchNorm2d): m.eval()"
    )
