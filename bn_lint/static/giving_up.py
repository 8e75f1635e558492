"""Calls that take too long: which one is given up, and what is not known any more afterwards.

A program may spend all its steps on something that has nothing to do with models: it reads annotations, or puts data
sets together. Such a call is given up, and the program goes on. What the call would still have done is read off the
names in the functions that it may lead to, which takes in too much rather than too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from bn_lint.static.frames import Frame, ModuleScope
from bn_lint.static.modes.state import MODE, UNSEEN, forget
from bn_lint.static.reach import ZOO_NAME, is_batchnorm
from bn_lint.static.syntax import asked_once, children, walk
from bn_lint.static.values import (
    ITEMS,
    MISSING,
    REST,
    Arguments,
    BoundMethod,
    Class,
    ClassMethod,
    Dict,
    Function,
    Instance,
    List,
    OneOf,
    Partial,
    Property,
    StaticMethod,
    Unknown,
    Value,
    ValueIterator,
)

if TYPE_CHECKING:
    from bn_lint.static.heap import Cells, Changes
    from bn_lint.static.run import Run

#: A call that leads to more functions than this may do anything.
_MOST_FUNCTIONS = 400
#: Objects that are searched for what a call may change.
_MOST_OBJECTS = 4000
#: What may hold something that a call can change.
_HOLDERS = (Instance, List, Dict, ValueIterator, tuple, OneOf, Partial, BoundMethod)
#: Names that stand where the results of models are used, or their modes.
_OF_TRAINING = frozenset({"backward", "step", "manual_backward", "zero_grad", "grad"})
#: Cells with a meaning of their own, which are no attributes.
_PLAIN_SEQUENCE = frozenset({ITEMS, REST})


def costliest(run: Run, least: int) -> Frame | None:
    """Return the call that is to be given up, of a function that took at least so many steps since stock was taken.

    Only calls count that no module was made or used in since they began, and no methods of modules. It is the outermost
    whose code has nothing to do with models, or else the innermost; of functions that call themselves it is the first
    call, for such a call is rarely the only one. All that took so many steps will get few, wherever they are called.
    """
    found: Frame | None = None
    blamed: set[cst.CSTNode] = set()
    inner: set[cst.CSTNode] = set()
    progress = len(run.created), run.program.events
    frame = run.frame
    while frame is not None and (frame.began_created, frame.began_events) == progress:
        function = frame.function
        if function is not None and not _has_module(frame) and frame.on_yield is None:
            own = run.steps - frame.began + run.cost[function.node]
            if own >= least and (found is None or function.node in inner or not _code_of(run, function).uses_models):
                found = frame
                blamed.add(function.node)
            inner.add(function.node)
        frame = frame.caller
    run.given_up.update(blamed)
    return found


def overdue(run: Run) -> Frame | None:
    """Return the outermost call that has reached its bound. One in which models were made or used is bound no more."""
    found: Frame | None = None
    progress = len(run.created), run.program.events
    frame = run.frame
    while frame is not None:
        if frame.bound is not None and run.steps > frame.bound:
            if (frame.began_created, frame.began_events) == progress:
                found = frame
            else:
                frame.bound = None
        frame = frame.caller
    if found is not None and found.function is not None:
        run.given_up[found.function.node] += 1
    return found


def _has_module(frame: Frame) -> bool:
    return frame.owner is not None and isinstance(frame.receiver, Instance) and frame.receiver.is_module


def give_up(run: Run, frame: Frame, function: Function, arguments: Arguments, lost: list[Changes]) -> Value:
    """Go on behind a call that takes too long: forget what it changed, and what it would have changed."""
    for changes in lost:
        for cells, key, _ in changes.values():
            _forget_cell(run, cells, key)
    for cells, key in run.heap.since(frame.began_changes):
        _forget_cell(run, cells, key)
    reach = _Reach(run, function, (*arguments.values(), *arguments.rest))
    if reach.uses_models:
        run.observer.incomplete(frame.file, "not everything in it was judged: one definition takes too long to evaluate")
    if reach.trains:
        run.program.cut_short()
    reach.forget(run)
    return Unknown("?", f"`{function.name}` takes too long to evaluate")


def _forget_cell(run: Run, cells: Cells, key: object) -> None:
    if key in _PLAIN_SEQUENCE:
        if ITEMS in cells:
            run.heap.write(cells, ITEMS, ())
            run.heap.write(cells, REST, (_unknown(),))
    elif key == MODE:
        run.heap.write(cells, MODE, UNSEEN)
    elif key is Dict.OPEN:
        run.heap.write(cells, key, True)
    elif not (isinstance(key, str) and key.startswith("*")):
        run.heap.write(cells, key, _unknown())


def _unknown() -> Unknown:
    return Unknown("?", "it is changed by something that takes too long to evaluate")


class _Reach:
    """What a call may lead to.

    Attributes:
        code: The functions and classes, by the names in the functions.
        objects: What it may get hold of.
        is_everything: There is too much of it.
    """

    def __init__(self, run: Run, function: Function, given: Iterable[Value]) -> None:
        self.code = code = _code_of(run, function)
        self.objects: dict[int, Value] = {}
        self.classes: set[Class] = set(code.classes)
        self.is_everything = code.is_everything
        self.written = set(code.written)
        self.names = set(code.names)
        pending: list[Value] = [*given, *code.held(run)]
        while pending and not self.is_everything:
            value = pending.pop()
            if isinstance(value, (BoundMethod, Partial, ClassMethod, StaticMethod)):
                pending.append(value.function)
                if isinstance(value, BoundMethod):
                    pending.append(value.receiver)
                elif isinstance(value, Partial):
                    pending.extend((*value.positional, *(one for _, one in value.keywords)))
            elif isinstance(value, tuple):
                pending.extend(value)
            elif isinstance(value, OneOf):
                pending.extend(value.values)
            elif isinstance(value, Function):
                self._call(run, value)
            elif isinstance(value, (Instance, List, Dict, ValueIterator)) and id(value) not in self.objects:
                self.objects[id(value)] = value
                self.is_everything |= len(self.objects) > _MOST_OBJECTS
                pending.extend(value.cells.values())
                if isinstance(value, Instance) and isinstance(value.cls, Class) and value.cls not in self.classes:
                    self.classes.add(value.cls)
                    for method in _implicit(value.cls):
                        self._call(run, method)
        self.trains = self.is_everything or not _OF_TRAINING.isdisjoint(self.names)
        self.uses_models = self.is_everything or code.uses_models or any(cls.is_module for cls in self.classes)

    def _call(self, run: Run, function: Function) -> None:
        """A function that it was given may be called as well."""
        code = _code_of(run, function)
        self.is_everything |= code.is_everything
        self.written |= code.written
        self.names |= code.names
        self.classes |= code.classes

    def forget(self, run: Run) -> None:
        """Make unknown what the call may have changed."""
        for function in self.code.functions:
            for name in _outer_names(function.node):
                scope: Frame | None = function.scope
                while scope is not None:
                    if name in scope.cells:
                        run.heap.write(scope.cells, name, _unknown())
                    scope = scope.parent
                if name in function.scope.module.cells:
                    run.heap.write(function.scope.module.cells, name, _unknown())
        for value in (*self.objects.values(), *(run.created if self.is_everything else ())):
            if isinstance(value, (List, ValueIterator)):
                run.heap.set(value, ITEMS, ())
                run.heap.set(value, REST, (_unknown(),))
            elif isinstance(value, Dict):
                for key, _ in value.entries():
                    run.heap.set(value, key, _unknown())
                run.heap.set(value, Dict.OPEN, True)
            elif isinstance(value, Instance):
                for name in self._changed(value):
                    run.heap.set(value, name, _unknown())
                if value.is_module:
                    forget(run, value)

    def _changed(self, instance: Instance) -> Iterator[str]:
        """The attributes of an object that the call may have set."""
        for name in list(instance.cells):
            if name in self.written or (self.is_everything and isinstance(name, str) and not name.startswith("*")):
                yield name
        for name in self.written - instance.cells.keys():
            if not isinstance(instance.cls.lookup(name)[0], (Function, Property)):
                yield name


class _Code:
    """The functions that one may lead to: those that its names stand for, and methods by the names of attributes."""

    def __init__(self, run: Run, function: Function) -> None:
        self.functions: set[Function] = set()
        self.classes: set[Class] = set()
        self.names: set[str] = set()
        self.written: set[str] = set()
        methods = _named(run)
        pending: list[Function] = [function]
        while pending and len(self.functions) <= _MOST_FUNCTIONS:
            one = pending.pop()
            if one in self.functions:
                continue
            self.functions.add(one)
            names, attributes, written = _mentions(one.node)
            self.written |= written
            found = [_visible(one, name) for name in names]
            for name in attributes - self.names:
                found.extend(methods.get(name, ()))
            self.names |= names | attributes
            for value in found:
                if isinstance(value, Function):
                    pending.append(value)
                elif isinstance(value, Class) and value not in self.classes:
                    self.classes.add(value)
                    pending.extend(_implicit(value))
        self.is_everything = bool(pending)
        self.uses_models = (
            self.is_everything
            or any(cls.is_module for cls in self.classes)
            or any(name == "nn" or is_batchnorm(name) or ZOO_NAME.match(name) for name in self.names)
        )

    def held(self, run: Run) -> Iterator[Value]:
        """What the functions find in the scopes around them."""
        for function in self.functions:
            for name in _mentions(function.node)[0]:
                value = _visible(function, name)
                if isinstance(value, _HOLDERS):
                    yield value


def _visible(function: Function, name: str) -> Value:
    """What a name stands for outside a function; MISSING when nobody knows, or when it is not imported yet."""
    scope: Frame | ModuleScope | None = function.scope
    while scope is not None:
        if name in scope.cells:
            return scope.cells[name]
        scope = scope.parent if isinstance(scope, Frame) else None
    value = function.scope.module.cells.get(name, MISSING)
    hops = 0
    while hasattr(value, "looking") and hops < 20:  # a name that is looked up where it is used
        value = value.module.cells.get(value.name, MISSING)
        hops += 1
    return value


def _code_of(run: Run, function: Function) -> _Code:
    key = function.node
    if key not in run.code:
        run.code[key] = _Code(run, function)
    return run.code[key]


def _named(run: Run) -> dict[str, list[Value]]:
    """All functions, methods and classes in sight."""
    observer = run.observer
    size = len(observer.functions) + len(observer.classes)
    if run.named[0] != size:
        named: dict[str, list[Value]] = {}
        for one in observer.functions:
            named.setdefault(one.name, []).append(one)
        for cls in observer.classes:
            named.setdefault(cls.name, []).append(cls)
            for method in _methods(cls):
                named.setdefault(method.name, []).append(method)
        run.named = size, named
    return run.named[1]


def _implicit(cls: Class) -> list[Function]:
    """The methods that syntax calls, and PyTorch; others are called by their names."""
    return [
        method
        for one in cls.mro
        if isinstance(one, Class)
        for method in _methods(one)
        if method.name.startswith("__") or method.name == "forward"
    ]


def _methods(cls: Class) -> list[Function]:
    found = []
    for value in cls.cells.values():
        if isinstance(value, Property):
            found.extend(one for one in (value.getter, value.setter) if isinstance(one, Function))
            continue
        while isinstance(value, (StaticMethod, ClassMethod, Partial)):
            value = value.function
        if isinstance(value, Function):
            found.append(value)
    return found


@asked_once
def _mentions(node: cst.CSTNode) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names in a function, those of attributes, and of these the ones that it assigns, whosever they are."""
    names: set[str] = set()
    attributes: set[str] = set()
    written: set[str] = set()
    pending = [node]
    while pending:
        inner = pending.pop()
        kind = type(inner)
        if kind is cst.Name:
            names.add(inner.value)  # type: ignore[attr-defined]
        elif kind is cst.Attribute:
            attributes.add(inner.attr.value)  # type: ignore[attr-defined]
            pending.append(inner.value)  # type: ignore[attr-defined]
            continue
        elif kind in (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.AsName, cst.Del, cst.CompFor):
            written |= _assigned(inner)
        elif kind is cst.Call:
            written |= _set_by_name(inner)  # type: ignore[arg-type]
        elif kind is cst.Annotation:
            continue
        pending.extend(children(inner))
    return frozenset(names), frozenset(attributes), frozenset(written)


def _assigned(node: cst.CSTNode) -> set[str]:
    target = node.name if type(node) is cst.AsName else node.target  # type: ignore[attr-defined]
    return {inner.attr.value for inner in walk(target) if type(inner) is cst.Attribute}


def _set_by_name(node: cst.Call) -> set[str]:
    """`setattr(model, "head", ...)`."""
    if type(node.func) is cst.Name and node.func.value == "setattr" and len(node.args) == 3:
        value = node.args[1].value
        if type(value) is cst.SimpleString:
            return {str(value.evaluated_value)}
    return set()


@asked_once
def _outer_names(node: cst.CSTNode) -> frozenset[str]:
    """The names that a function declares as `global` or `nonlocal`."""
    return frozenset(
        item.name.value for inner in walk(node) if type(inner) in (cst.Global, cst.Nonlocal) for item in inner.names
    )
