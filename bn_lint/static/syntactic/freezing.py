"""Code that is run for each part of a model, and freezes BatchNorm layers of one class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from bn_lint.facts import BatchNormBuilt, Evidence, Fact, FreezeLoop, Place
from bn_lint.project.mentions import CONVERT
from bn_lint.project.prefilter import uses_zoo
from bn_lint.static.syntactic.classes import torch_class
from bn_lint.static.syntactic.receivers import Receivers
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.scopes import Located
from bn_lint.static.syntax.tree import asked_once, walk

if TYPE_CHECKING:
    from bn_lint.static.syntax.source_files import SourceFile

_TRAVERSALS = frozenset({"modules", "named_modules", "children", "named_children"})
_WORD = re.compile(r"\w+")
_VARIANTS = {
    "torch.nn.BatchNorm1d": ("1d",),
    "torch.nn.BatchNorm2d": ("2d",),
    "torch.nn.BatchNorm3d": ("3d",),
    "torch.nn.SyncBatchNorm": ("sync",),
    # What all of them inherit from.
    "torch.nn._BatchNorm": ("1d", "2d", "3d", "sync", "other"),
}


#: Methods that PyTorch, Lightning and Python call.
_CALLED_BY_OTHERS = re.compile(r"__\w+__|train|eval|forward|main|on_\w+|\w+_step|setup|configure_\w+")

#: Ancestors of all BatchNorm layers.
_COVERING = frozenset({"torch.nn.Module", "torch.nn._NormBase"})


def freeze_loops(
    located: Located, module: cst.Module, receivers: Receivers, place: Callable[[cst.CSTNode], Place]
) -> Iterator[FreezeLoop]:
    """A loop over modules, or a function for `apply`, that freezes BatchNorm layers of some classes only."""
    loop = located.statement
    part: cst.CSTNode
    if isinstance(loop, cst.For) and _goes_over_modules(loop.iter):
        part = loop.target.elements[-1].value if isinstance(loop.target, cst.Tuple) else loop.target
    elif isinstance(loop, cst.FunctionDef) and loop.params.params and loop.name.value in _applied(module):
        part = loop.params.params[0].name
    else:
        return
    if not isinstance(part, cst.Name):
        return
    tested: list[cst.BaseExpression] = []
    freezes = False
    for branch in (node for node in walk(loop.body) if isinstance(node, cst.If)):
        classes = list(_classes_tested(branch.test, part.value))
        known = [node for node in classes if receivers.imports.qualified(node) in _VARIANTS]
        tested += known
        if any(_may_cover(receivers.imports.qualified(node)) for node in classes if node not in known):
            return
        freezes = freezes or (bool(known) and _freezes(branch.body.body, part.value))
    variants = {variant for node in tested for variant in _VARIANTS[receivers.imports.qualified(node) or ""]}
    if not freezes or not tested or len(variants) == 4:
        return
    only = tested[0] if len(tested) == 1 and isinstance(tested[0], cst.Attribute) else None
    if only is not None and not any(only in walk(call) for call in walk(loop.body) if _is_isinstance(call)):
        only = None  # `type(m) == nn.BatchNorm2d` needs more than another class
    names = tuple(dict.fromkeys((dotted_name(node) or "").rpartition(".")[2] for node in tested))
    yield FreezeLoop(
        names,
        tuple(sorted(variants)),
        place(tested[0]),
        class_place=place(only.attr) if only is not None else None,
        is_applied=isinstance(loop, cst.FunctionDef),
        of_part=isinstance(loop, cst.For) and _goes_over_a_part(loop.iter),
    )


@asked_once
def _applied(module: cst.Module) -> frozenset[str]:
    """The functions that a file gives to `apply`: `net.apply(freeze)`."""
    given = (
        node.args[0].value
        for node in walk(module)
        if isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "apply"
        and len(node.args) == 1
    )
    return frozenset(one.value for one in given if isinstance(one, cst.Name))


def with_missed_layers(facts: Sequence[Fact], files: Iterable[SourceFile]) -> Iterator[Fact]:
    """The facts, each loop with a layer that it misses: built in the same file, or made by converting the model."""
    built = [fact for fact in facts if isinstance(fact, BatchNormBuilt)]
    conversions: list[tuple[SourceFile, Evidence]] | None = None
    files = list(files)
    for fact in facts:
        if not isinstance(fact, FreezeLoop):
            yield fact
            continue
        beside = [one.layer for one in built if one.place.path == fact.place.path and not fact.of_part]
        are_own = _builds_all(fact, built, files)
        missed = next(
            (
                Evidence(f"`{layer.name}` is a {layer.class_name}", layer.built)
                for layer in beside
                # What a class of the program's own does with the statistics of a group, say, is another matter.
                if are_own and layer.variant not in (*fact.variants, "other")
            ),
            None,
        )
        if missed is not None or "sync" in fact.variants:
            yield replace(fact, missed=missed, unused=_unused(fact.place, files))
            continue
        conversions = list(_conversions(files)) if conversions is None else conversions
        names = _names_of(fact.place, files) if conversions else set()
        near = next((at for file, at in conversions if names & set(_WORD.findall(file.source.text))), None)
        yield replace(
            fact,
            missed=near or (conversions[0][1] if conversions else None),
            elsewhere=near is None,
            unused=_unused(fact.place, files),
        )


def _builds_all(loop: FreezeLoop, built: Sequence[BatchNormBuilt], files: Iterable[SourceFile]) -> bool:
    """Whether the layers that a loop freezes are built in its file, as far as can be known.

    Where they come from a library or another file, those of this one are of a new head, which has to learn.
    """
    meant = {one.place.path for one in built if one.layer.variant in loop.variants}
    if meant:
        return loop.place.path in meant
    return not any(file.display == loop.place.path and uses_zoo(file.source.text) for file in files)


def _unused(place: Place, files: Iterable[SourceFile]) -> str | None:
    """The innermost function around a place, if it is one that nobody mentions; PyTorch calls some by itself."""
    around: str | None = None
    owner: cst.ClassDef | None = None
    for file in files:
        if file.display == place.path:
            for node in walk(file.tree):
                if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                    own = file.place(node)
                    if not own.line <= place.line <= own.end_line:
                        continue
                    if isinstance(node, cst.ClassDef):
                        owner = node
                    else:
                        around = node.name.value
                        owner = owner if owner is not None and node in _methods(owner) else None
    if around is None or _CALLED_BY_OTHERS.fullmatch(around):
        return None
    mentioned = _is_mentioned if owner is None else partial(_is_mentioned_method, owner)
    return None if any(around in file.source.text and mentioned(around, file) for file in files) else around


def _is_mentioned(name: str, file: SourceFile) -> bool:
    """Whether code of a file mentions a function, or a text in it does, other than where it is defined."""
    defined = {id(node.name) for node in walk(file.tree) if type(node) is cst.FunctionDef}
    return any(
        (type(node) is cst.Name and node.value == name and id(node) not in defined)
        or (type(node) is cst.SimpleString and name in node.value)
        for node in walk(file.tree)
    )


def _is_mentioned_method(owner: cst.ClassDef, name: str, file: SourceFile) -> bool:
    """The same of a method of a class. A parameter may have its name, and other classes have methods of their own."""
    others: set[int] = set()
    bases = {(dotted_name(base.value) or "").rpartition(".")[2] for base in owner.bases}
    for node in walk(file.tree):
        if not isinstance(node, cst.ClassDef) or node is owner or node.name.value in bases:
            continue
        if any(method.name.value == name for method in _methods(node)):
            others |= {id(one) for one in walk(node.body) if _is_of_self(one, name)}
    return any(
        (type(node) is cst.Attribute and node.attr.value == name and id(node) not in others)
        or (type(node) is cst.SimpleString and name in node.value)
        for node in walk(file.tree)
    )


def _is_of_self(node: cst.CSTNode, name: str) -> bool:
    return (
        type(node) is cst.Attribute
        and node.attr.value == name
        and type(node.value) is cst.Name
        and node.value.value == "self"
    )


def _methods(cls: cst.ClassDef) -> list[cst.FunctionDef]:
    return [one for one in cls.body.body if isinstance(one, cst.FunctionDef)]


def _names_of(place: Place, files: Iterable[SourceFile]) -> set[str]:
    """What another file calls the code at a place: the definition that it is in, and its module."""
    found = {PurePath(place.path).stem} - {"__init__", "__main__"}
    for file in files:
        if file.display == place.path:
            for statement in file.tree.body:
                own = file.place(statement)
                if isinstance(statement, (cst.ClassDef, cst.FunctionDef)) and own.line <= place.line <= own.end_line:
                    found.add(statement.name.value)
    return found


def _conversions(files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, Evidence]]:
    """Where the BatchNorm layers of a model become SyncBatchNorm."""
    for file in files:
        if CONVERT not in file.source.text:
            continue
        for node in walk(file.tree):
            match node:
                case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))) if name == CONVERT:
                    yield file, Evidence("the layers become SyncBatchNorm here", file.place(node))


def _may_cover(origin: str | None) -> bool:
    """Whether a class that is tested as well may be one of other BatchNorm layers, or of any layers at all."""
    return not torch_class(origin) or origin in _COVERING


def _is_isinstance(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "isinstance"


def _goes_over_modules(expression: cst.BaseExpression) -> bool:
    match expression:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name))):
            return name in _TRAVERSALS
    return False


def _goes_over_a_part(expression: cst.BaseExpression) -> bool:
    """Whether it is a part of an object whose modules are gone over, and not what `DataParallel` holds."""
    match expression:
        case cst.Call(func=cst.Attribute(value=cst.Attribute(attr=cst.Name(value=name)))):
            return name != "module"
    return False


def _classes_tested(test: cst.BaseExpression, name: str) -> Iterator[cst.BaseExpression]:
    """The classes of `isinstance(m, ...)` in a condition that is no negation."""
    match test:
        case cst.Call(func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name(value=tested)), second]):
            if tested == name:
                if isinstance(second.value, cst.Tuple):
                    yield from (element.value for element in second.value.elements)
                else:
                    yield second.value
        case cst.Comparison(
            left=cst.Call(func=cst.Name(value="type"), args=[cst.Arg(value=cst.Name(value=tested))]),
            comparisons=[cst.ComparisonTarget(operator=cst.Equal() | cst.Is(), comparator=comparator)],
        ) if tested == name:
            yield comparator
        case cst.BooleanOperation(left=left, right=right):
            yield from _classes_tested(left, name)
            yield from _classes_tested(right, name)


def _freezes(body: Sequence[cst.CSTNode], name: str) -> bool:
    """Whether statements put the module `name` in evaluation mode, or its parameters out of training."""
    parameters = {name}
    for node in (inner for statement in body for inner in walk(statement)):
        match node:
            case cst.For(target=cst.Name(value=one), iter=cst.Call(func=cst.Attribute(value=cst.Name(value=owner)))):
                if owner == name:
                    parameters.add(one)
    for node in (inner for statement in body for inner in walk(statement)):
        match node:
            case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value=method)), args=arguments):
                switched = method == "eval" or (method in ("train", "requires_grad_") and _is_false(arguments))
                if switched and (dotted_name(value) or "").partition(".")[0] in parameters:
                    return True
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Attribute() as target)], value=cst.Name(value="False")
            ):
                root = (dotted_name(target) or "").partition(".")[0]
                if target.attr.value == "requires_grad" and root in parameters:
                    return True
    return False


def _is_false(arguments: Sequence[cst.Arg]) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0].value, cst.Name) and arguments[0].value.value == "False"
