"""Networks that are fitted to one input, and asked for that very input.

An image prior, a field of coordinates, a check whether one batch can be learned by heart: nothing was learned for other
data, so the statistics of the batch are those that the training had.
"""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.facts import Purpose
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.data_flow import Scope, imported_names, loops_around, no_data
from bn_lint.static.syntax.flow import Flow, Sources, names_in
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.torch_model.events import EventLog
from bn_lint.static.torch_model.following import scope_of
from bn_lint.static.torch_model.happened import Call

#: How many names are replaced by what they were computed from.
_MAX_STEPS = 20


def is_given_its_only_input(events: EventLog, call: Call) -> bool:
    """Whether a network is given what it was trained on, and was trained on nothing else."""
    trained = [one for one in events.calls if one.purpose is Purpose.TRAINING and events.related(one.model, call.model)]
    return bool(trained) and all(_has_same_input(call, one) for one in trained)


def _has_same_input(call: Call, trained: Call) -> bool:
    common = next((at for at, frame in enumerate(call.caller) if frame in trained.caller), None)
    scope = None if common is None else scope_of(call.caller[common])
    if common is None or scope is None:
        return False
    given = _inputs(call, common)
    learned = _inputs(trained, trained.caller.index(call.caller[common]))
    return bool(given) and given <= {origin for name in learned for origin in _originals(name, scope)}


def _inputs(call: Call, common: int) -> Sources:
    """The names of what a call is given in one of its callers, where it is the same in each pass of all loops.

    It may be computed with: `net(picture + noise)`. There is no name if each pass may have another input.
    """
    node = call.ref.node
    names: Sources = frozenset()
    for at, frame in enumerate(call.caller[: common + 1]):
        scope = scope_of(frame)
        if scope is None or not isinstance(node, cst.Call):
            return frozenset()
        if at == 0:
            names = _computed_from(node.args[0].value, scope, frame.file.tree) if node.args else frozenset()
        else:
            function = call.caller[at - 1].function
            parameters = function.params.positional if function is not None else ()
            given = dict(zip(parameters, node.args))
            given.update({arg.keyword.value: arg for arg in node.args if arg.keyword is not None})
            names = frozenset().union(
                *(
                    _computed_from(given[name].value, scope, frame.file.tree) if name in given else {name}
                    for name in names
                )
            )
        # What a function below computes anew, it computes each time that it is called.
        again: tuple[cst.CSTNode, ...] = loops_around(scope, node)
        if at < common and isinstance(scope, cst.FunctionDef):
            again = (*again, scope.body)
        names = _before(names, again, scope, frame.file.tree)
        site = frame.site
        node = site.node if site is not None else node
    return names


def _before(names: Sources, again: tuple[cst.CSTNode, ...], scope: Scope, tree: cst.Module) -> Sources:
    """The names that others are computed from in what runs again and again; none if they change with each pass."""
    found: set[str] = set()
    pending = [*names]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        values = [value for one in again for value in _assigned(name, one)]
        if not values:
            found.add(name)
            continue
        for value in values:
            sources = _computed_from(value, scope, tree) if isinstance(value, cst.BinaryOperation) else None
            if not sources or len(seen) > _MAX_STEPS:
                return frozenset()
            pending += sources
    return frozenset(found)


def _assigned(name: str, within: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What is assigned to a name; for the target of a loop, the loop."""
    for node in walk(within):
        if isinstance(node, cst.For) and name in names_in(node.target):
            yield node
        elif isinstance(node, cst.Assign) and any(name in names_in(target.target) for target in node.targets):
            yield node.value


def _computed_from(value: cst.BaseExpression, scope: Scope, tree: cst.Module) -> Sources:
    """The names of a value by itself, or with something added; none for a part of it, or for what a function gives."""
    if any(isinstance(node, cst.Subscript) for node in walk(value)):
        return frozenset()
    if not isinstance(value, cst.BinaryOperation) and _root(value) is None:
        return frozenset()
    imported, others = imported_names(tree), no_data(tree)
    sources = Flow(None).sources(value)
    return frozenset(name for name in sources if name not in others and name.partition(".")[0] not in imported)


def _root(value: cst.BaseExpression) -> str | None:
    """The name at the beginning of a chain of attributes and of methods: `x` of `x.to(device).float()`."""
    while True:
        if isinstance(value, cst.Name):
            return value.value
        if isinstance(value, cst.Attribute):
            value = value.value
        elif isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
            value = value.func.value
        else:
            return None


def _originals(name: str, scope: Scope) -> Iterator[str]:
    """A name, and what it is a copy of: `x` of `saved = x.detach().clone()`."""
    copies = _copies(scope)
    for _ in range(_MAX_STEPS):
        yield name
        if name not in copies:
            return
        name = copies[name]


@asked_once
def _copies(scope: Scope) -> dict[str, str]:
    """The names that a scope assigns once, and nothing but another name, or what its methods give."""
    found: dict[str, list[str]] = {}
    for node in walk(scope):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                for name in names_in(target.target):
                    is_copy = isinstance(target.target, cst.Name) and not any(
                        isinstance(one, (cst.Subscript, cst.Arg)) for one in walk(node.value)
                    )
                    found.setdefault(name, []).append((_root(node.value) or "") if is_copy else "")
    return {name: roots[0] for name, roots in found.items() if len(roots) == 1 and roots[0] not in ("", name)}
