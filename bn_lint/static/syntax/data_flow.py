"""Where values come from and where they go, as the order of statements shows it, without evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import FOLLOWED, NOWHERE, NUMBERS, RESULT, Flow, Sources, dotted, names_in
from bn_lint.static.syntax.tree import asked_once, children, walk

Scope = cst.Module | cst.FunctionDef
Loops = tuple[cst.For | cst.While, ...]


class Fate(NamedTuple):
    """What becomes of the result of a call, within the scope of the call.

    Attributes:
        is_propagated: Whether it may be in what gradients are computed of, or something else has it out of sight.
        gets_gradient: Whether gradients may be computed of it: not of labels that were made of it.
        is_returned: Whether it, or something computed from it, is returned.
        has_gradient: Whether what is returned may have a gradient.
        is_kept: Whether something that outlives the scope may have it, and with a gradient: an attribute, an argument.
        effort: How many nodes were looked at to tell.
    """

    is_propagated: bool
    gets_gradient: bool
    is_returned: bool
    has_gradient: bool
    is_kept: bool
    effort: int


@asked_once
def fate_of(scope: Scope, call: cst.Call, *, has_gradient: bool = True) -> Fate:
    """What becomes of the result of a call in a function or module."""
    flow = Flow(call, followed=RESULT if has_gradient else NUMBERS)
    flow.run(scope.body if isinstance(scope, cst.Module) else (scope.body,))
    return Fate(
        not FOLLOWED.isdisjoint(flow.propagated),
        RESULT in flow.propagated,
        not FOLLOWED.isdisjoint(flow.returned),
        RESULT in flow.returned,
        RESULT in flow.kept,
        flow.effort,
    )


class Given(NamedTuple):
    """The arguments of a call: the keyword and the sources of each, and how many nodes were looked at to tell."""

    arguments: list[tuple[str | None, Sources]]
    effort: int


def arguments_of(body: Iterable[cst.CSTNode], call: cst.Call, known: Mapping[str, Sources]) -> Given:
    """The sources of the arguments of a call in a body of statements.

    Names that are not assigned in the body are sources themselves, unless it is known where they come from.
    """
    flow = Flow(None, dict(known), watched=call)
    flow.run(body)
    keywords = [arg.keyword.value if arg.keyword is not None else None for arg in call.args]
    return Given(list(zip(keywords, flow.given)), flow.effort)


@asked_once
def mentioned_for(scope: Scope) -> Mapping[str, Sources]:
    """For each name that a scope assigns, what stands on the other side."""
    flow = Flow(None)
    found: dict[str, Sources] = {}
    for node in walk(scope):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                for name in names_in(target.target):
                    found[name] = found.get(name, NOWHERE) | flow.sources(node.value)
    return found


@asked_once
def imported_names(tree: cst.Module) -> Sources:
    """The names that the imports of a file bind."""
    bound: set[str] = set()
    for node in walk(tree):
        if isinstance(node, cst.ImportAlias):
            name = node.asname.name if node.asname is not None else node.name
            bound.add(dotted(name).partition(".")[0] if isinstance(name, (cst.Name, cst.Attribute)) else "")
    return frozenset(bound)


@asked_once
def no_data(tree: cst.Module) -> Sources:
    """The names in a file that say something about data, and are none: constants, and devices that data is moved to."""
    found = {"True", "False", "None"}
    for node in walk(tree):
        if type(node) is not cst.Call or not node.args:
            continue
        moves = type(node.func) is cst.Attribute and node.func.attr.value in ("to", "cuda")
        for at, arg in enumerate(node.args):
            if arg.keyword.value == "device" if arg.keyword is not None else moves and at == 0:
                found.add(dotted(arg.value) if isinstance(arg.value, (cst.Name, cst.Attribute)) else "")
    return frozenset(found)


@asked_once
def assigned_in(loop: cst.CSTNode) -> Sources:
    """The names that a loop gives another value in each pass."""
    found: set[str] = set()
    for node in walk(loop):
        if isinstance(node, (cst.For, cst.AssignTarget)):
            found.update(names_in(node.target))
    return frozenset(found)


def loops_around(scope: Scope, call: cst.CSTNode) -> Loops:
    """The loops around a call in its scope, the outermost first."""
    return _loops_in(scope).get(call, ())


@asked_once
def _loops_in(scope: Scope) -> Mapping[cst.CSTNode, Loops]:
    """For each call of a scope that stands in loops: these loops."""
    found: dict[cst.CSTNode, Loops] = {}
    pending: list[tuple[cst.CSTNode, Loops]] = [(scope, ())]
    while pending:
        node, loops = pending.pop()
        if isinstance(node, cst.Call) and loops:
            found[node] = loops
        inside = (*loops, node) if isinstance(node, (cst.For, cst.While)) else loops
        pending += [(child, inside) for child in children(node)]
    return found
