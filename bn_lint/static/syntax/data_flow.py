"""Where values come from and where they go, as the order of statements shows it, without evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import libcst as cst

from bn_lint.static.syntax.tree import asked_once, children, walk, ways_to

#: What a value may come from: names, and calls without arguments that have one, as they are written.
Sources = frozenset[str]
Scope = cst.Module | cst.FunctionDef
_NOWHERE: Sources = frozenset()
#: The source of the value that is followed, and of what is computed from it without a gradient.
_RESULT, _NUMBERS = "<result>", "<numbers>"
_FOLLOWED = frozenset({_RESULT, _NUMBERS})
#: Methods, attributes and functions of a tensor whose results have no gradient.
_WITHOUT_GRADIENT = frozenset({"item", "tolist", "numpy", "argmax", "detach", "data", "float", "int"})
#: Loops in each other whose bodies run twice.
_REPEATED_LOOPS = 3
#: Functions that only show what they are given.
_SHOWING = frozenset({"print", "display", "pprint"})


class Fate(NamedTuple):
    """What becomes of the result of a call, within the scope of the call.

    Attributes:
        is_propagated: Whether gradients may be computed of it, or something else has it out of sight.
        is_returned: Whether it, or something computed from it, is returned.
        has_gradient: Whether what is returned may have a gradient.
        is_kept: Whether something that outlives the scope may have it, and with a gradient: an attribute, an argument.
    """

    is_propagated: bool
    is_returned: bool
    has_gradient: bool
    is_kept: bool


@asked_once
def fate_of(scope: Scope, call: cst.Call, *, has_gradient: bool = True) -> Fate:
    """What becomes of the result of a call in a function or module."""
    flow = _Flow(call, followed=_RESULT if has_gradient else _NUMBERS)
    flow.run(scope.body if isinstance(scope, cst.Module) else (scope.body,))
    return Fate(
        not _FOLLOWED.isdisjoint(flow.propagated),
        not _FOLLOWED.isdisjoint(flow.returned),
        _RESULT in flow.returned,
        _RESULT in flow.kept,
    )


def arguments_of(
    body: Iterable[cst.CSTNode], call: cst.Call, known: Mapping[str, Sources]
) -> list[tuple[str | None, Sources]]:
    """The sources of the arguments of a call in a body of statements, each with its keyword.

    Names that are not assigned in the body are sources themselves, unless it is known where they come from.
    """
    flow = _Flow(None, dict(known), watched=call)
    flow.run(body)
    keywords = [arg.keyword.value if arg.keyword is not None else None for arg in call.args]
    return list(zip(keywords, flow.given))


@asked_once
def mentioned_for(scope: Scope) -> Mapping[str, Sources]:
    """For each name that a scope assigns, what stands on the other side."""
    flow = _Flow(None)
    found: dict[str, Sources] = {}
    for node in walk(scope):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                for name in _names(target.target):
                    found[name] = found.get(name, _NOWHERE) | flow.sources(node.value)
    return found


@asked_once
def imported_names(tree: cst.Module) -> Sources:
    """The names that the imports of a file bind."""
    bound: set[str] = set()
    for node in walk(tree):
        if isinstance(node, cst.ImportAlias):
            name = node.asname.name if node.asname is not None else node.name
            bound.add(_dotted(name).partition(".")[0] if isinstance(name, (cst.Name, cst.Attribute)) else "")
    return frozenset(bound)


@asked_once
def loops_around(scope: Scope, node: cst.CSTNode) -> tuple[cst.For | cst.While, ...]:
    """The loops around a node in its scope, the outermost first."""
    way = ways_to([node], scope).get(node, ())
    return tuple(one for one in way if isinstance(one, (cst.For, cst.While)))


class _Flow:
    """Follows the statements of a scope in order; loops twice, and both sides of branches."""

    def __init__(
        self,
        call: cst.Call | None,
        known: dict[str, Sources] | None = None,
        *,
        watched: cst.Call | None = None,
        followed: str = _RESULT,
    ) -> None:
        self.call = call
        self.followed = followed
        self.watched = watched
        self.known: dict[str, Sources] = {} if known is None else known
        self.given: list[Sources] = [] if watched is None else [_NOWHERE] * len(watched.args)
        self.depth = 0
        self.propagated: Sources = _NOWHERE
        self.returned: Sources = _NOWHERE
        self.kept: Sources = _NOWHERE

    def run(self, body: Iterable[cst.CSTNode]) -> None:
        for node in body:
            self._statement(node)

    def sources(self, node: cst.CSTNode) -> Sources:
        """The sources of an expression."""
        if isinstance(node, cst.Name):
            return self.known.get(node.value, frozenset({node.value}))
        if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
            return _NOWHERE
        if isinstance(node, cst.Attribute):
            return self._attribute(node)
        if isinstance(node, cst.Subscript):
            self._each(node.slice)
            return self.sources(node.value)
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp)):
            loop: cst.CompFor | None = node.for_in
            while loop is not None:
                self._bind(loop.target, self.sources(loop.iter))
                loop = loop.inner_for_in
        if isinstance(node, cst.Comparison):
            return _numbers(self._each(children(node)))
        if isinstance(node, cst.NamedExpr):
            self._bind(node.target, self.sources(node.value))
        if isinstance(node, (cst.Yield, cst.Await)):
            self.propagated |= self._each(children(node))
        return self._each(children(node))

    def _each(self, nodes: Iterable[cst.CSTNode]) -> Sources:
        return _NOWHERE.union(*[self.sources(one) for one in nodes])

    def _attribute(self, node: cst.Attribute) -> Sources:
        name = _dotted(node)
        if name in self.known:
            return self.known[name]
        root = name.partition(".")[0]
        if root and root not in self.known:
            return frozenset({name})
        found = self.sources(node.value)
        return _numbers(found) if node.attr.value in _WITHOUT_GRADIENT else found

    def _call(self, node: cst.Call) -> Sources:
        each = [self.sources(arg.value) for arg in node.args]
        if node is self.watched:
            self.given = [a | b for a, b in zip(self.given, each)]
        given = _NOWHERE.union(*each)
        function = node.func
        found = given
        if isinstance(function, cst.Name):
            found |= self.known.get(function.value, _NOWHERE)
            found = _numbers(found) if function.value in ("float", "int") else found
        elif isinstance(function, cst.Attribute):
            found = self._method(function, given)
        else:
            found |= self.sources(function)
        if not found:
            found = frozenset({cst.Module([]).code_for_node(node)})
        return found | {self.followed} if node is self.call else found

    def _method(self, function: cst.Attribute, given: Sources) -> Sources:
        name, receiver = function.attr.value, self.sources(function.value)
        if name in ("backward", "manual_backward"):
            self.propagated |= receiver | given
        if name in _WITHOUT_GRADIENT:
            return _numbers(receiver)
        owner = _dotted(function.value)
        if owner:  # it may use what was stored in an attribute of the object
            kept = [found for at, found in self.known.items() if at.startswith(owner + ".") and _RESULT in found]
            receiver = receiver.union(*[{_RESULT} for _ in kept])
        # A method of a piece of data gives of that data: `images.to(device)`.
        is_data = owner in self.known or (isinstance(function.value, (cst.Call, cst.Subscript)) and receiver)
        return receiver | (given & _FOLLOWED) if is_data else receiver | given

    def _bind(self, target: cst.CSTNode, sources: Sources, *, anew: bool = True) -> None:
        if isinstance(target, cst.Attribute) or (
            not anew and isinstance(target, cst.Name) and target.value not in self.known
        ):
            self.kept |= sources
        if isinstance(target, cst.Name):
            self.known[target.value] = sources if anew else sources | self.sources(target)
        elif isinstance(target, cst.Attribute):
            name = _dotted(target)
            if name:
                self.known[name] = sources if anew else sources | self.sources(target)
        elif isinstance(target, cst.Subscript):
            self._bind(target.value, sources, anew=False)
        elif isinstance(target, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
            for child in children(target):
                self._bind(child, sources, anew=anew)

    def _statement(self, node: cst.CSTNode) -> None:
        if isinstance(node, (cst.Assign, cst.AnnAssign)):
            if node.value is not None:
                found = self.sources(node.value)
                for target in node.targets if isinstance(node, cst.Assign) else (node,):
                    self._bind(target.target, found)
        elif isinstance(node, cst.AugAssign):
            self._bind(node.target, self.sources(node.value), anew=False)
        elif isinstance(node, cst.Expr):
            self._expression(node.value)
        elif isinstance(node, cst.Return):
            self.returned |= self.sources(node.value) if node.value is not None else _NOWHERE
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            self.kept |= {_RESULT}
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            inner = _NOWHERE.union(*[self.known.get(name, _NOWHERE) for name in _all_names(node)])
            if any(one is self.call for one in walk(node)):
                inner |= {self.followed}
            self.known[node.name.value] = inner
            if not _FOLLOWED.isdisjoint(inner) and _propagates(node):
                self.propagated |= inner
        elif isinstance(node, (cst.For, cst.While)):
            self._loop(node)
        elif isinstance(node, cst.If):
            self.sources(node.test)
            self._apart(node.body, node.orelse)
        elif isinstance(node, cst.With):
            for item in node.items:
                found = self.sources(item.item)
                if item.asname is not None:
                    self._bind(item.asname.name, found)
            self.run(children(node.body))
        elif isinstance(node, cst.Try):
            self.run(children(node.body))
            self._apart(*node.handlers, node.orelse, node.finalbody)
        elif isinstance(node, (cst.BaseSuite, cst.SimpleStatementLine, cst.Else, cst.Finally, cst.ExceptHandler)):
            self.run(children(node))
        else:
            self._each(children(node))

    def _loop(self, node: cst.For | cst.While) -> None:
        """Run a body twice, for the second pass finds what the first has left; once within several other loops."""
        passes = 2 if self.depth < _REPEATED_LOOPS else 1
        self.depth += 1
        for _ in range(passes):
            if isinstance(node, cst.For):
                self._bind(node.target, self.sources(node.iter))
            else:
                self.sources(node.test)
            self._apart(node.body)
        self.depth -= 1
        self._apart(node.orelse)

    def _apart(self, *ways: cst.CSTNode | None) -> None:
        """Run bodies of which one may run, or none, and unite what they leave behind."""
        before = dict(self.known)
        after = [before]
        for way in ways:
            if way is not None:
                self.known = dict(before)
                self._statement(way)
                after.append(self.known)
        self.known = {name: _NOWHERE.union(*[one.get(name, _NOWHERE) for one in after]) for name in set().union(*after)}

    def _expression(self, node: cst.BaseExpression) -> None:
        """An expression for its own sake: what is called may keep what it is given."""
        found = self.sources(node)
        found &= _FOLLOWED
        if not isinstance(node, cst.Call) or not found:
            return
        if isinstance(node.func, cst.Attribute):
            self._bind(node.func.value, found, anew=False)
        elif isinstance(node.func, cst.Name) and node.func.value not in _SHOWING:
            self.kept |= found
            for arg in node.args:
                self._bind(arg.value, found, anew=False)


def _numbers(sources: Sources) -> Sources:
    """The sources of what is computed without a gradient."""
    return sources - {_RESULT} | {_NUMBERS} if _RESULT in sources else sources


def _dotted(node: cst.BaseExpression) -> str:
    """`self.loader` as it is written; empty for anything but names and their attributes."""
    if isinstance(node, cst.Name):
        return node.value
    owner = _dotted(node.value) if isinstance(node, cst.Attribute) else ""
    return f"{owner}.{node.attr.value}" if owner and isinstance(node, cst.Attribute) else ""


def _propagates(node: cst.CSTNode) -> bool:
    return any(isinstance(one, cst.Attribute) and one.attr.value == "backward" for one in walk(node))


def _all_names(node: cst.CSTNode) -> Iterable[str]:
    return {one.value for one in walk(node) if isinstance(one, cst.Name)}


def _names(target: cst.CSTNode) -> Iterable[str]:
    """The names that an assignment to a target binds."""
    if isinstance(target, cst.Name):
        return (target.value,)
    if isinstance(target, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
        return [name for child in children(target) for name in _names(child)]
    return ()
