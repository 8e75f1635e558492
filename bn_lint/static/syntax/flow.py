"""Follows values through the statements of a scope, in their order and without evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, children, walk
from bn_lint.static.syntax.written import code_of

#: What a value may come from: names, and calls without arguments that have one, as they are written.
Sources = frozenset[str]
NOWHERE: Sources = frozenset()
#: The source of the value that is followed, and of what is computed from it without a gradient.
RESULT, NUMBERS = "<result>", "<numbers>"
FOLLOWED = frozenset({RESULT, NUMBERS})
#: Methods, attributes and functions of a tensor whose results have no gradient.
_WITHOUT_GRADIENT = frozenset({"item", "tolist", "numpy", "argmax", "detach", "data", "int"})
#: Loops in each other whose bodies run twice.
_REPEATED_LOOPS = 3
#: Functions that only show what they are given.
_SHOWING = frozenset({"print", "display", "pprint"})


class Flow:
    """Follows the statements of a scope in order; loops twice, and both sides of branches."""

    def __init__(
        self,
        call: cst.Call | None,
        known: dict[str, Sources] | None = None,
        *,
        watched: cst.Call | None = None,
        followed: str = RESULT,
    ) -> None:
        self.call = call
        self.followed = followed
        self.watched = watched
        self.known: dict[str, Sources] = {} if known is None else known
        #: What names had before this branch, if it has assigned them; None if they had nothing.
        self.before: dict[str, Sources | None] = {}
        #: The attributes in which the result is stored.
        self.storing: set[str] = set()
        self.effort = 0
        self.given: list[Sources] = [] if watched is None else [NOWHERE] * len(watched.args)
        self.depth = 0
        self.propagated: Sources = NOWHERE
        self.returned: Sources = NOWHERE
        self.kept: Sources = NOWHERE

    def run(self, body: Iterable[cst.CSTNode]) -> None:
        for node in body:
            self._statement(node)

    def sources(self, node: cst.CSTNode) -> Sources:
        """The sources of an expression."""
        self.effort += 1
        read = _SOURCES.get(type(node))
        return self._each(children(node)) if read is None else read(self, node)

    def _literal(self, node: cst.CSTNode) -> Sources:
        return NOWHERE

    def _name(self, node: cst.Name) -> Sources:
        return self.known.get(node.value, frozenset({node.value}))

    def _subscript(self, node: cst.Subscript) -> Sources:
        self._each(node.slice)
        return self.sources(node.value)

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.GeneratorExp | cst.DictComp) -> Sources:
        found = NOWHERE
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            sources = self.sources(loop.iter)
            self._bind(loop.target, sources)
            found |= sources | self._each(loop.ifs)
            loop = loop.inner_for_in
        return found | self._each(one for one in children(node) if one is not node.for_in)

    def _comparison(self, node: cst.Comparison) -> Sources:
        return _numbers(self._each(children(node)))

    def _named(self, node: cst.NamedExpr) -> Sources:
        found = self.sources(node.value)
        self._bind(node.target, found)
        return found

    def _handed_out(self, node: cst.Yield | cst.Await) -> Sources:
        found = self._each(children(node))
        self.propagated |= found
        self.kept |= found
        return found

    def _each(self, nodes: Iterable[cst.CSTNode]) -> Sources:
        return NOWHERE.union(*[self.sources(one) for one in nodes])

    def _attribute(self, node: cst.Attribute) -> Sources:
        name = dotted(node)
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
        given = NOWHERE.union(*each)
        function = node.func
        found = given
        if isinstance(function, cst.Name):
            found |= self.known.get(function.value, NOWHERE)
            found = _numbers(found) if function.value in ("float", "int") else found
        elif isinstance(function, cst.Attribute):
            found = self._method(function, given)
        else:
            found |= self.sources(function)
        if not found:
            found = frozenset({code_of(node)})
        return found | {self.followed} if node is self.call else found

    def _method(self, function: cst.Attribute, given: Sources) -> Sources:
        name, receiver = function.attr.value, self.sources(function.value)
        if name in ("backward", "manual_backward"):
            self.propagated |= receiver | given
        if name in _WITHOUT_GRADIENT:
            return _numbers(receiver)
        owner = dotted(function.value)
        if owner:  # it may use what was stored in an attribute of the object
            self.effort += len(self.storing)
            if any(name.startswith(owner + ".") for name in self.storing):
                receiver |= {RESULT}
        # A method of a piece of data gives of that data: `images.to(device)`.
        is_data = owner in self.known or (isinstance(function.value, (cst.Call, cst.Subscript)) and receiver)
        return receiver | (given & FOLLOWED) if is_data else receiver | given

    def _set(self, name: str, sources: Sources | None) -> None:
        self.before.setdefault(name, self.known.get(name))
        if sources is None:
            del self.known[name]
        else:
            self.known[name] = sources
        if "." in name:
            (self.storing.add if sources is not None and RESULT in sources else self.storing.discard)(name)

    def _bind(self, target: cst.CSTNode, sources: Sources, *, anew: bool = True) -> None:
        if isinstance(target, cst.Attribute) or (
            not anew and isinstance(target, cst.Name) and target.value not in self.known
        ):
            self.kept |= sources
        if isinstance(target, cst.Name):
            self._set(target.value, sources if anew else sources | self.sources(target))
        elif isinstance(target, cst.Attribute):
            name = dotted(target)
            if name:
                self._set(name, sources if anew else sources | self.sources(target))
        elif isinstance(target, cst.Subscript):
            self._bind(target.value, sources, anew=False)
        elif isinstance(target, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
            for child in children(target):
                self._bind(child, sources, anew=anew)

    def _statement(self, node: cst.CSTNode) -> None:
        self.effort += 1
        run = _STATEMENTS.get(type(node))
        if run is None:
            self._each(children(node))
        else:
            run(self, node)

    def _assign(self, node: cst.Assign | cst.AnnAssign) -> None:
        if node.value is not None:
            found = self.sources(node.value)
            for target in node.targets if isinstance(node, cst.Assign) else (node,):
                self._bind(target.target, found)

    def _assign_in_place(self, node: cst.AugAssign) -> None:
        self._bind(node.target, self.sources(node.value), anew=False)

    def _return(self, node: cst.Return) -> None:
        self.returned |= self.sources(node.value) if node.value is not None else NOWHERE

    def _define(self, node: cst.FunctionDef | cst.ClassDef) -> None:
        names, calls, is_propagating = _inside(node)
        self.effort += len(names)
        inner = NOWHERE.union(*[self.known.get(name, NOWHERE) for name in names])
        if self.call in calls:
            inner |= {self.followed}
        self._set(node.name.value, inner)
        if is_propagating and not FOLLOWED.isdisjoint(inner):
            self.propagated |= inner

    def _declare_outer(self, node: cst.Global | cst.Nonlocal) -> None:
        self.kept |= {RESULT}

    def _if(self, node: cst.If) -> None:
        self.sources(node.test)
        self._apart(node.body, node.orelse, one_runs=node.orelse is not None)

    def _with(self, node: cst.With) -> None:
        for item in node.items:
            found = self.sources(item.item)
            if item.asname is not None:
                self._bind(item.asname.name, found)
        self.run(children(node.body))

    def _try(self, node: cst.Try) -> None:
        self.run(children(node.body))
        self._apart(*node.handlers, node.orelse, node.finalbody)

    def _block(self, node: cst.CSTNode) -> None:
        self.run(children(node))

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

    def _apart(self, *ways: cst.CSTNode | None, one_runs: bool = False) -> None:
        """Run bodies of which one may run, or none, and unite what they leave behind."""
        around, after = self.before, dict[str, list[Sources]]()
        for way in filter(None, ways):
            self.before = {}
            self._statement(way)
            for name, before in list(self.before.items()):
                after.setdefault(name, []).append(self.known[name])
                self._set(name, before)
        self.before = around
        for name, left in after.items():
            before = NOWHERE if one_runs and len(left) == len(ways) else self.known.get(name, NOWHERE)
            self._set(name, before.union(*left))

    def _expression(self, statement: cst.Expr) -> None:
        """An expression for its own sake: what is called may keep what it is given."""
        node = statement.value
        found = self.sources(node)
        found &= FOLLOWED
        if not isinstance(node, cst.Call) or not found:
            return
        if isinstance(node.func, cst.Attribute):
            self._bind(node.func.value, found, anew=False)
        elif isinstance(node.func, cst.Name) and node.func.value not in _SHOWING:
            self.kept |= found
            for arg in node.args:
                self._bind(arg.value, found, anew=False)


# By type: one question for each node instead of one for each class.
_SOURCES: dict[type[cst.CSTNode], Callable[[Flow, Any], Sources]] = {
    cst.Name: Flow._name,
    **dict.fromkeys((cst.SimpleString, cst.Integer, cst.Float), Flow._literal),
    cst.Attribute: Flow._attribute,
    cst.Subscript: Flow._subscript,
    cst.Call: Flow._call,
    **dict.fromkeys((cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp), Flow._comprehension),
    cst.Comparison: Flow._comparison,
    cst.NamedExpr: Flow._named,
    **dict.fromkeys((cst.Yield, cst.Await), Flow._handed_out),
}
_STATEMENTS: dict[type[cst.CSTNode], Callable[[Flow, Any], None]] = {
    **dict.fromkeys((cst.Assign, cst.AnnAssign), Flow._assign),
    cst.AugAssign: Flow._assign_in_place,
    cst.Expr: Flow._expression,
    cst.Return: Flow._return,
    **dict.fromkeys((cst.FunctionDef, cst.ClassDef), Flow._define),
    **dict.fromkeys((cst.For, cst.While), Flow._loop),
    **dict.fromkeys((cst.Global, cst.Nonlocal), Flow._declare_outer),
    cst.If: Flow._if,
    cst.With: Flow._with,
    cst.Try: Flow._try,
    **dict.fromkeys(
        (
            cst.IndentedBlock,
            cst.SimpleStatementSuite,
            cst.SimpleStatementLine,
            cst.Else,
            cst.Finally,
            cst.ExceptHandler,
        ),
        Flow._block,
    ),
}


def _numbers(sources: Sources) -> Sources:
    """The sources of what is computed without a gradient."""
    return sources - {RESULT} | {NUMBERS} if RESULT in sources else sources


def dotted(node: cst.BaseExpression) -> str:
    """`self.loader` as it is written; empty for anything but names and their attributes."""
    if isinstance(node, cst.Name):
        return node.value
    owner = dotted(node.value) if isinstance(node, cst.Attribute) else ""
    return f"{owner}.{node.attr.value}" if owner and isinstance(node, cst.Attribute) else ""


@asked_once
def _inside(node: cst.CSTNode) -> tuple[Sources, frozenset[cst.CSTNode], bool]:
    """The names and the calls in a definition, and whether it computes gradients."""
    names, calls, is_propagating = set(), set(), False
    for one in walk(node):
        if isinstance(one, cst.Name):
            names.add(one.value)
        elif isinstance(one, cst.Call):
            calls.add(one)
        elif isinstance(one, cst.Attribute):
            is_propagating |= one.attr.value == "backward"
    return frozenset(names), frozenset(calls), is_propagating


def names_in(target: cst.CSTNode) -> Iterable[str]:
    """The names that an assignment to a target binds."""
    if isinstance(target, cst.Name):
        return (target.value,)
    if isinstance(target, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
        return [name for child in children(target) for name in names_in(child)]
    return ()
