"""Programs that load a model and evaluate it, without a training that could be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Purpose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import names_in
from bn_lint.static.syntax.tree import binds, walk, ways_to

if TYPE_CHECKING:
    from bn_lint.static.syntax.places import NodeRef
    from bn_lint.static.torch_model.events import EventLog
    from bn_lint.static.torch_model.happened import Call

_PASSES = (cst.For, cst.While, cst.ListComp, cst.SetComp, cst.GeneratorExp)


def is_only_evaluated(events: EventLog, call: Call) -> bool:
    """Whether a whole program was seen, and trains neither the model, nor what holds it, nor a part of it.

    Not where it draws samples by dropout, for which training mode was meant: each pass of the loop has the same input.
    """
    is_program = call.frame.with_callers()[-1].function is None
    return (
        is_program
        and not any(one.purpose is Purpose.TRAINING and events.related(one.model, call.model) for one in events.calls)
        and not _is_sampled(call.ref)
    )


def _is_sampled(ref: NodeRef) -> bool:
    """Whether each pass of the loop around a call gives the model what the pass before gave it."""
    node = ref.node
    above = ways_to([node], ref.file.tree).get(node, ())
    around = next((one for one in reversed(above) if isinstance(one, (*_PASSES, cst.FunctionDef))), None)
    if type(node) is not cst.Call or not node.args or not isinstance(around, _PASSES):
        return False
    given = [one for arg in node.args for one in walk(arg.value)]
    changing = [*given, *walk(around)]
    targets = {name for one in changing if type(one) is cst.CompFor for name in names_in(one.target)}
    names = {one.value for one in given if type(one) is cst.Name}
    is_new = any(type(one) is cst.Call for one in given) or not names.isdisjoint(targets)
    return not is_new and not any(binds(one, name) for name in names for one in changing)
