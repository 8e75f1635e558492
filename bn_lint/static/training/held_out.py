"""Whether a call of a model in the middle of its training is there to look at other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bn_lint.facts import Purpose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.data_flow import (
    Scope,
    assigned_in,
    imported_names,
    loops_around,
    mentioned_for,
    no_data,
)
from bn_lint.static.syntax.flow import Sources
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.following import scope_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.torch_model.happened import Call


def is_held_out(events: EventLog, call: Call) -> bool:
    """Whether a call is given other data than the calls that train the model, and only looked at."""
    if call.is_held_out is None:
        call.is_held_out = _is_held_out(events, call)
    return call.is_held_out


def is_beside_training(events: EventLog, call: Call) -> bool:
    """Whether the same pass of a loop trains a model, and what the call is given is made in each pass, like a batch.

    What was made before the loop is all data there is: a part of it may be held out, as for graphs.
    """
    scope, node = scope_of(call.frame), call.ref.node
    if scope is None or not isinstance(node, cst.Call) or not node.args:
        return False
    return any(
        one.purpose is Purpose.TRAINING
        and one.model is call.model
        and call.frame in one.caller
        and one.loops == call.loops
        for one in events.calls
    ) and any(
        isinstance(one, cst.Name) and one.value in assigned_in(loop)
        for loop in loops_around(scope, node)[-1:]
        for one in walk(node.args[0].value)
    )


def _is_held_out(events: EventLog, call: Call) -> bool:
    training = [c for c in events.calls if c.purpose is Purpose.TRAINING and c.model is call.model]
    return (
        bool(training)
        and events.following.is_looked_at(call.ref.node, call.frame)
        and all(_differ(events, call, one) for one in training)
    )


def _differ(events: EventLog, one: Call, other: Call) -> bool:
    """Whether two calls of a model are given data of different origin."""
    if events.following.left <= 0:
        return False
    if one.batches is not None and other.batches is not None:
        if one.batches is other.batches:
            return False
        if one.batches.ref.node is not other.batches.ref.node:
            return True
        # One function makes all loaders, or a loop makes this one anew: their names tell.
    common = next((frame for frame in one.caller if frame in other.caller), None)
    if common is None:
        return False
    scope, nodes = scope_of(common), [_below(call, common) for call in (one, other)]
    if scope is None or nodes[0] is nodes[1]:
        return False
    around = loops_around(scope, nodes[1])
    shared = [loop for loop in loops_around(scope, nodes[0]) if loop in around]
    body = shared[-1:] or _body(scope)
    imported, others = imported_names(common.file.tree), no_data(common.file.tree)
    first, second = (
        {
            name
            for name in _sources(events, call, common, body)
            if name not in others and name.partition(".")[0] not in imported
        }
        for call in (one, other)
    )
    if not first or not second:
        return False
    return not any(_made_of(a, b, scope) or _made_of(b, a, scope) for a in first for b in second)


def _below(call: Call, common: Frame) -> cst.CSTNode:
    """What leads to a call in one of its callers."""
    at = call.caller.index(common)
    site = call.caller[at - 1].site if at else call.ref
    return site.node if site is not None else call.ref.node


def _sources(events: EventLog, call: Call, common: Frame, body: Sequence[cst.CSTNode]) -> Sources:
    """What the first argument of a call comes from, in a body of statements of one of its callers."""
    frames = call.caller[: call.caller.index(common)]
    known: Mapping[str, Sources] = {}
    for frame in reversed(frames):
        site = frame.site.node if frame.site is not None else None
        function = frame.function
        if not isinstance(site, cst.Call) or function is None:
            return frozenset()
        names = [name for name in function.params.positional if name != "self" or frame.receiver is None]
        given = events.following.arguments_of(body, site, known)
        known = {name or (names[at] if at < len(names) else ""): found for at, (name, found) in enumerate(given)}
        scope = scope_of(frame)
        body = _body(scope) if scope is not None else ()
    node = call.ref.node
    if not isinstance(node, cst.Call):
        return frozenset()
    found = events.following.arguments_of(body, node, known)
    return found[0][1] if found else frozenset()


def _made_of(name: str, other: str, scope: Scope) -> bool:
    """Whether something is another thing, or made of it."""
    mentioned = mentioned_for(scope)
    seen: set[str] = set()
    pending = [name]
    while pending:
        one = pending.pop()
        if one == other:
            return True
        if one not in seen:
            seen.add(one)
            pending += mentioned.get(one, ())
    return False


def _body(scope: Scope) -> Sequence[cst.CSTNode]:
    return scope.body if isinstance(scope, cst.Module) else (scope.body,)
