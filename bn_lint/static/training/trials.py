"""What is only tried: a step to see whether it works, a search for a learning rate, a look before the training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bn_lint.facts import Purpose
from bn_lint.static.interpreter.paths import excludes
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import names_in
from bn_lint.static.syntax.tree import asked_once, children, walk
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.happened import Call


def is_a_trial(events: EventLog, call: Call) -> bool:
    """Whether a program takes a single step behind its training: to see whether it works, or how long it takes."""
    if call.loops or call.frame.with_callers()[-1].function is not None:
        return False
    others = [one for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)]
    return any(one.loops for one in others) and all(one.loops or one.ref.node is call.ref.node for one in others)


def is_undone(call: Call) -> bool:
    """Whether a function that trains a model loads in the end what it has read of it before, statistics included."""
    node: cst.CSTNode = call.ref.node
    for frame in call.caller:
        function = frame.function.node if frame.function is not None else None
        if type(function) is cst.FunctionDef and _loads_what_it_read(function, node):
            return True
        if frame.site is None:
            break
        node = frame.site.node
    return False


@asked_once
def _loads_what_it_read(function: cst.FunctionDef, training: cst.CSTNode) -> bool:
    """Whether a function gives a `state_dict()` a name before it trains, and loads that behind it.

    A name that is assigned again holds the best state so far.
    """
    read: set[str] = set()
    loaded: set[str] = set()
    assigned: Counter[str] = Counter()
    is_before = True
    for node in _in_order(function):
        is_before &= node is not training
        if type(node) is cst.Assign:
            names = [name for target in node.targets for name in names_in(target.target)]
            assigned.update(names)
            if is_before and any(_is_called(one, "state_dict") for one in walk(node.value)):
                read.update(names)
        elif not is_before and _is_called(node, "load_state_dict"):
            loaded.update(one.value for one in walk(node) if type(one) is cst.Name)
    return any(assigned[name] == 1 for name in read & loaded)


def _in_order(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and what is in it, in the order of the text."""
    yield node
    for child in children(node):
        yield from _in_order(child)


def _is_called(node: cst.CSTNode, method: str) -> bool:
    return type(node) is cst.Call and type(node.func) is cst.Attribute and node.func.attr.value == method


def is_before_training(events: EventLog, call: Call) -> bool:
    """Whether a loop evaluates a model and then trains it, and only the first pass finds it in training mode.

    In the passes that follow, the model is as an evaluation behind the training has left it.
    """
    trained = [
        one.order for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)
    ]
    return (
        bool(trained)
        and call.order < min(trained)
        and any(
            one.ref.node is call.ref.node
            and one.model is call.model
            and one.order > min(trained)
            and one.states == {False}
            and not excludes(one.ways, call.ways)
            for one in events.calls
        )
    )
