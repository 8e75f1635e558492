"""Walking syntax trees, and questions about syntax that need no evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.nodes import PART_NAMES, children, walk

if TYPE_CHECKING:
    from bn_lint.static.syntax.source_files import SourceFile

__all__ = ["children", "walk"]

_SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
#: What a tensor tells of itself besides its values.
_ABOUT_TENSORS = frozenset({"shape", "size", "dim", "ndim", "dtype", "device"})
#: Attributes and methods of a tensor that have its values.
_COPIES = frozenset({"data", "detach", "cpu", "numpy"})

Answer = TypeVar("Answer")

#: What forgets them. It is filled when modules are imported, and never again.
_answers: list[Callable[[], None]] = []


def asked_once(question: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let a question about a node be worked out once, until `forget_answers`: nodes outlive no analysis."""
    remembering = cache(question)
    _answers.append(remembering.cache_clear)
    return remembering


def forget_answers() -> None:
    """Drop what was worked out about nodes, which would keep their whole trees."""
    for forget in _answers:
        forget()


def changed(node: cst.CSTNode, change: Callable[[cst.CSTNode, cst.CSTNode], cst.CSTNode]) -> cst.CSTNode:
    """A copy of a node in which everything, from below, is what `change` makes of the original and its copy."""
    made = copy(node)
    for name in PART_NAMES[type(node)]:
        part = getattr(node, name)
        if type(part) is tuple:
            setattr(made, name, tuple(changed(one, change) for one in part))
        elif part is not None:
            setattr(made, name, changed(part, change))
    return change(node, made)


@asked_once
def is_generator(file: SourceFile, node: cst.FunctionDef) -> bool:
    """Whether the function's own body contains `yield`."""
    if "yield" not in file.source.text:
        return False
    pending = children(node.body)
    while pending:
        inner = pending.pop()
        if type(inner) is cst.Yield:
            return True
        if type(inner) not in _SCOPES:
            pending.extend(children(inner))
    return False


@asked_once
def parameters_used_once(function: cst.FunctionDef) -> frozenset[cst.CSTNode]:
    """Where a function names those of its parameters that it names in one place."""
    names = [node for node in walk(function.body) if type(node) is cst.Name]
    count = Counter(node.value for node in names)
    parameters = {one.name.value for one in (*function.params.params, *function.params.kwonly_params)}
    return frozenset(node for node in names if node.value in parameters and count[node.value] == 1)


@asked_once
def uses_receiver(method: cst.FunctionDef) -> bool:
    """Whether a method uses the object that it is called on for more than to call itself."""
    if method.decorators or not method.params.params:
        return True
    receiver, nodes = method.params.params[0].name.value, list(walk(method.body))
    calls = sum(
        type(node) is cst.Attribute
        and type(node.value) is cst.Name
        and (node.value.value, node.attr.value) == (receiver, method.name.value)
        for node in nodes
    )
    names = [node.value for node in nodes if type(node) is cst.Name]
    return names.count(receiver) > calls or not {"super", "__class__", "locals"}.isdisjoint(names)


@asked_once
def attributes_written(node: cst.FunctionDef) -> frozenset[str]:
    """The attributes of `self` that a method assigns."""
    return frozenset(
        inner.target.attr.value
        for inner in walk(node.body)
        if type(inner) is cst.AssignTarget
        and type(inner.target) is cst.Attribute
        and type(inner.target.value) is cst.Name
        and inner.target.value.value == "self"
    )


@asked_once
def unread_calls(scope: cst.CSTNode, *, printed: bool = False) -> frozenset[cst.CSTNode]:
    """The calls of which a function or module reads nothing but the shape or similar attributes.

    With `printed`, it may print the result as well, or its parts, or what it computes of them for that. What
    it computes of two results compares them. What it computes of a result without reading that reads nothing.
    """
    assigned: dict[cst.CSTNode, frozenset[str]] = {}
    unread: set[cst.CSTNode] = set()
    asked: set[cst.CSTNode] = set()
    named: list[cst.Name] = []
    parts: list[tuple[frozenset[str], frozenset[str]]] = []
    shown: list[list[cst.Name]] = []
    computed: list[tuple[cst.Call, frozenset[str]]] = []
    for node in walk_own(scope):
        if type(node) is cst.Name:
            named.append(node)
        elif type(node) is cst.Del:
            unread.update(_names(node.target))
        elif type(node) is cst.Arg and node.keyword is not None:
            unread.add(node.keyword)
        elif type(node) is cst.Attribute:
            unread.add(node.attr)
            if node.attr.value in _ABOUT_TENSORS:
                owner = _same_tensor(node.value)
                (asked if type(owner) is cst.Call else unread).add(owner)
        elif printed and type(node) is cst.Call and type(node.func) is cst.Name and node.func.value == "print":
            for arg in node.args:
                owner = _same_tensor(arg.value)
                if type(owner) is cst.Call:
                    asked.add(owner)
                shown.append([one for one in walk(arg.value) if type(one) is cst.Name])
        elif printed and type(node) is cst.For:
            over = [one for one in walk(node.iter) if type(one) is cst.Name]
            targets = [one for one in walk(node.target) if type(one) is cst.Name]
            unread.update((*over, *targets))
            parts.append((frozenset(one.value for one in over), frozenset(one.value for one in targets)))
        elif type(node) is cst.Assign and len(node.targets) == 1 and (targets := _names(node.targets[0].target)):
            unread.update(targets)
            value = _same_tensor(node.value) if printed else node.value
            if type(value) is cst.Call:
                assigned[value] = frozenset(name.value for name in targets)
                if printed:
                    computed.append((value, assigned[value]))
                    inside = (one for arg in value.args for one in walk(arg.value) if type(one) is cst.Call)
                    assigned.update(dict.fromkeys(inside, assigned[value]))
    results = frozenset[str]().union(*assigned.values())
    for names_shown in shown:
        if len(results.intersection(one.value for one in names_shown)) < 2:
            unread.update(names_shown)
    # Names that are given to what computes another name are read if that is; each is in one such call at most.
    given = {one: names for call, names in computed for arg in call.args for one in walk(arg) if type(one) is cst.Name}
    read = {name.value for name in named if name not in unread and name not in given}
    pending = [(name.value, given[name]) for name in named if name in given and name not in unread]
    while further := {name for name, names in pending if name not in read and not names.isdisjoint(read)}:
        read |= further
    for over_names, target_names in reversed(parts):  # who reads a part reads the whole
        if not read.isdisjoint(target_names):
            read |= over_names
    return frozenset(asked.union(call for call, names in assigned.items() if names.isdisjoint(read)))


def _names(target: cst.BaseExpression) -> list[cst.Name]:
    """The names in the target of an assignment; none if it has anything else."""
    parts = [one.value for one in target.elements] if isinstance(target, cst.Tuple) else [target]
    names = [one for one in parts if isinstance(one, cst.Name)]
    return names if len(names) == len(parts) else []


def only_asked_about(within: cst.CSTNode) -> set[cst.CSTNode]:
    """The names of tensors of which only the shape or similar is read, `out` in `out.data.shape`; and keywords."""
    found: set[cst.CSTNode] = set()
    for node in walk(within):
        if type(node) is cst.Attribute:
            found.add(node.attr)
            if node.attr.value in _ABOUT_TENSORS:
                found.add(_same_tensor(node.value))
        elif type(node) is cst.Arg and node.keyword is not None:
            found.add(node.keyword)
    return found


def _same_tensor(node: cst.BaseExpression) -> cst.BaseExpression:
    """What an expression such as `out[0].data.cpu()` is a view or a copy of."""
    while True:
        while type(node) is cst.Subscript:
            node = node.value
        inner = node.func if type(node) is cst.Call and not node.args else node
        if type(inner) is not cst.Attribute or inner.attr.value not in _COPIES:
            return node
        node = inner.value


def walk_own(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Everything in a scope but the names of the functions inside it that mean something else there."""
    pending = [scope]
    while pending:
        node = pending.pop()
        if type(node) is cst.FunctionDef and node is not scope:
            own = _bound_names(node)
            yield from (one for one in walk(node) if type(one) is not cst.Name or one.value not in own)
            continue
        yield node
        pending += children(node)


def _bound_names(function: cst.FunctionDef) -> frozenset[str]:
    """The parameters of a function, and the names that it binds for itself."""
    inside = list(walk(function.body))
    names = {one.name.value for one in walk(function) if type(one) is cst.Param}
    names.update(name for one in inside for name in _names_bound_by(one))
    targets = (part for one in inside if type(one) is cst.CompFor for part in walk(one.target))
    names.update(part.value for part in targets if type(part) is cst.Name)
    outer = {item.name.value for one in inside if isinstance(one, (cst.Global, cst.Nonlocal)) for item in one.names}
    return frozenset(names - outer)


@asked_once
def returns_first_parameter(function: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a function returns its first argument, if it returns: its last statement does, and so do all others."""
    parameters = (*function.params.posonly_params, *function.params.params)
    if not parameters or type(function) is not cst.FunctionDef:
        return False
    name = parameters[0].name.value
    last = function.body.body[-1]
    if type(last) is not cst.SimpleStatementLine or type(last.body[-1]) is not cst.Return:
        return False
    pending: list[cst.CSTNode] = list(function.body.body)
    while pending:
        node = pending.pop()
        if type(node) is cst.Return and not (type(node.value) is cst.Name and node.value.value == name):
            return False
        if binds(node, name):
            return False
        if type(node) not in (cst.FunctionDef, cst.ClassDef, cst.Lambda):
            pending += children(node)
    return True


def binds(node: cst.CSTNode, name: str) -> bool:
    """Whether a node may bind a name, other than as a parameter."""
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and any(
        type(inner) is cst.NameItem and inner.name.value == name for inner in walk(node)
    ):
        return True
    return name in _names_bound_by(node)


def _names_bound_by(node: cst.CSTNode) -> Iterator[str]:
    """The names that a node itself binds, other than as parameters."""
    targets: list[cst.CSTNode] = []
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        yield node.name.value
    elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr, cst.Del)):
        targets.append(node.target)
    elif isinstance(node, (cst.AsName, cst.ImportAlias)):
        targets.append(node.name)
    while targets:
        target = targets.pop()
        if type(target) is cst.Name:
            yield target.value
        elif isinstance(target, (cst.Tuple, cst.List, cst.Element, cst.StarredElement)):
            targets += children(target)


@asked_once
def builds_on_last(body: cst.BaseSuite) -> bool:
    """Whether a pass of a loop goes on with what the last one has made, as parsers of sections do.

    It appends to a list and uses the list's last element, or puts items in what a later pass appends.
    """
    appended: set[str] = set()
    parts: set[str] = set()
    last: set[str] = set()
    filled: set[str] = set()
    for node in walk(body):
        if type(node) is cst.Call and type(node.func) is cst.Attribute and node.func.attr.value == "append":
            appended.add(_name_of(node.func.value))
            parts.update(_name_of(arg.value) for arg in node.args)
        elif type(node) is cst.Subscript and type(node.value) is cst.Name and len(node.slice) == 1:
            index = node.slice[0].slice
            if type(index) is cst.Index and type(index.value) is cst.UnaryOperation:
                last.add(node.value.value)
        elif type(node) is cst.AssignTarget and type(node.target) is cst.Subscript:
            filled.add(_name_of(node.target.value))
    return any(appended & last) or any(parts & filled)


def _name_of(node: cst.CSTNode) -> str:
    return node.value if type(node) is cst.Name else ""


@asked_once
def switches_or_trains(node: cst.FunctionDef) -> bool:
    """Whether a function calls `train`, `eval` or `backward`, or switches gradients off."""
    return any(
        type(inner) is cst.Attribute
        and inner.attr.value in ("train", "eval", "backward", "no_grad", "inference_mode", "set_grad_enabled")
        for inner in walk(node)
    )


@asked_once
def called_names(node: cst.FunctionDef) -> frozenset[str]:
    """The plain names that a function calls."""
    calls = (inner.func for inner in walk(node) if type(inner) is cst.Call)
    return frozenset(function.value for function in calls if type(function) is cst.Name)


@asked_once
def names_called_or_handed_on(node: cst.CSTNode) -> frozenset[str]:
    """The plain names that code calls, and those that it gives to what it calls."""
    calls = [inner for inner in walk(node) if type(inner) is cst.Call]
    named = [*(call.func for call in calls), *(argument.value for call in calls for argument in call.args)]
    return frozenset(one.value for one in named if type(one) is cst.Name)


def ways_to(wanted: Collection[cst.CSTNode], tree: cst.CSTNode) -> dict[cst.CSTNode, tuple[cst.CSTNode, ...]]:
    """For each node the nodes that lead to it from the tree's root, both included."""
    found: dict[cst.CSTNode, tuple[cst.CSTNode, ...]] = {}
    above: dict[cst.CSTNode, cst.CSTNode] = {}
    for node in walk(tree):
        for child in children(node):
            above[child] = node
    for node in wanted:
        way = [node]
        while way[-1] in above:
            way.append(above[way[-1]])
        if way[-1] is tree:
            found[node] = tuple(reversed(way))
    return found


#: Methods of a dictionary that leave it as it is.
_READING = frozenset({"copy", "get", "items", "keys", "values"})


@asked_once
def looked_through(tree: cst.CSTNode) -> frozenset[cst.CSTNode]:
    """The expressions that are iterated over, searched by `in`, or asked for keys and values, and nothing else."""
    found: set[cst.CSTNode] = set()
    for node in walk(tree):
        if isinstance(node, (cst.For, cst.CompFor)):
            found.add(node.iter)
        elif type(node) is cst.ComparisonTarget and isinstance(node.operator, (cst.In, cst.NotIn)):
            found.add(node.comparator)
        elif type(node) is cst.Call and type(node.func) is cst.Attribute and node.func.attr.value in _READING:
            found.add(node.func.value)
    return frozenset(found)
