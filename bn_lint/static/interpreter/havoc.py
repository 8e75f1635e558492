"""What is not known any more behind a call that was aborted.

A program may spend all its steps on something that has nothing to do with BatchNorm: it reads annotations, or puts data
sets together. Such a call is aborted, and the program goes on. What the call would still have done is read off the
names in the code that it may lead to, which takes in too much rather than too little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.limits import ABORT_STEPS, MAX_REACHED_FUNCTIONS, MAX_REACHED_OBJECTS
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    REST,
    Arguments,
    BoundMethod,
    Class,
    ClassMethod,
    Dict,
    Function,
    Ghost,
    Imported,
    Instance,
    List,
    ModuleScope,
    Partial,
    Property,
    StaticMethod,
    Super,
    Union,
    Unknown,
    Value,
    ValueIterator,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import asked_once, children, walk

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.store import Cells, StoreDelta


def abort_call(
    interpreter: Interpreter, frame: Frame, function: Function, arguments: Arguments, lost: list[StoreDelta]
) -> Value:
    """Go on behind a call that takes too long: forget what it changed, and what it would have changed."""
    for changes in lost:
        for cells, key, _ in changes.values():
            _forget_cell(interpreter, cells, key)
    forget_changes(interpreter, frame.began_changes)
    reach = ReachableSet(interpreter, function, (*frame.cells.values(), *arguments.values(), *arguments.rest))
    interpreter.budget.steps += ABORT_STEPS + 2 * (len(reach.functions) + len(reach.objects)) + len(reach.names) // 20
    if reach.is_concerned or interpreter.domain.judges_results(reach.names):
        interpreter.events.cut_short()
    if reach.is_concerned:
        interpreter.collector.incomplete(
            frame.file, "not everything in it was checked: one definition takes too long to evaluate"
        )
    reach.forget(interpreter, frame.site)
    interpreter.domain.call_aborted(interpreter)
    return Unknown("?", f"`{function.name}` takes too long to evaluate")


def forget_changes(interpreter: Interpreter, since: int) -> None:
    """Forget what was changed since a mark of the store: it would have been changed further."""
    for cells, key in interpreter.store.since(since):
        _forget_cell(interpreter, cells, key)


def _forget_cell(interpreter: Interpreter, cells: Cells, key: object) -> None:
    if key in (ITEMS, REST):
        if ITEMS in cells:
            interpreter.store.write(cells, ITEMS, ())
            interpreter.store.write(cells, REST, (_unknown(),))
    elif key is Dict.OPEN:
        interpreter.store.write(cells, key, True)
    elif not isinstance(key, Ghost):
        interpreter.store.write(cells, key, _unknown())
    elif (unseen := interpreter.domain.unseen_cell(key)) is not ABSENT:
        interpreter.store.write(cells, key, unseen)


def _unknown() -> Unknown:
    return Unknown("?", "something that takes too long to evaluate may change it")


class ReachableSet:
    """What a call may lead to, as far as it could be followed.

    Attributes:
        names: The names in its code.
        written: The attributes that its code assigns, whosever they are.
        is_everything: There is too much of it.
        is_concerned: It may make or use what the domain is about.
    """

    def __init__(self, interpreter: Interpreter, function: Function, given: Iterable[Value]) -> None:
        self.functions: set[Function] = set()
        self.classes: set[Class] = set()
        self.objects: dict[int, Value] = {}
        self.names: set[str] = set()
        self.written: set[str] = set()
        self.is_everything = self.is_concerned = False
        self._domain, self._reads = interpreter.domain, interpreter.reads
        self._top_level = _top_level(interpreter)
        self._pending: list[Value] = [function, *given]
        while self._pending and not self.is_everything:
            self._visit(self._pending.pop())
        self.is_concerned |= self.is_everything or self._domain.concerns(self.names)

    def _visit(self, value: Value) -> None:
        if isinstance(value, Function):
            self._read(value)
        elif isinstance(value, Class):
            self._use(value)
        elif type(value) is tuple:
            self._pending.extend(value)
        elif isinstance(value, Union):
            self._pending.extend(value.values)
        elif isinstance(value, BoundMethod):
            self._pending += [value.receiver, value.function]
        elif isinstance(value, Super):
            self._pending.append(value.receiver)
        elif isinstance(value, Partial):
            self._pending.extend((value.function, *value.positional, *(one for _, one in value.keywords)))
        elif isinstance(value, (ClassMethod, StaticMethod)):
            self._pending.append(value.function)
        elif isinstance(value, (Instance, List, Dict, ValueIterator)) and id(value) not in self.objects:
            self._hold(value)

    def _hold(self, value: Instance | List | Dict | ValueIterator) -> None:
        self.objects[id(value)] = value
        self.is_everything |= len(self.objects) > MAX_REACHED_OBJECTS
        self._pending.extend(value.cells.values())
        if type(value) is Instance:
            self.is_concerned |= self._domain.concerned(value)
            if isinstance(value.cls, Class):
                self._use(value.cls)

    def _use(self, cls: Class) -> None:
        """Its methods are called by their names, or by syntax and PyTorch."""
        for one in cls.mro:
            if isinstance(one, Class) and one not in self.classes:
                self.classes.add(one)
                self._reads.cls(one)
                self._pending.extend(m for m in _methods(one) if _is_special(m.name) or m.name in self.names)

    def _read(self, function: Function) -> None:
        if function in self.functions:
            return
        self.functions.add(function)
        self._reads.function(function)
        self.is_everything |= len(self.functions) > MAX_REACHED_FUNCTIONS
        names, attributes, written = _mentions(function.node)
        self.written |= written
        for name in names:
            self._pending.append(_visible(function, name))
        new = attributes - self.names
        self.names |= names | attributes
        for name in new:
            self._pending.extend(self._top_level.get(name, ()))  # of a module that was imported
        for cls in self.classes if new else ():
            self._pending.extend(m for m in _methods(cls) if m.name in new)

    def forget(self, interpreter: Interpreter, site: NodeRef | None) -> None:
        """Make unknown what the call may have changed."""
        for function in self.functions:
            for name in _outer_names(function.node):
                for scope in _scopes(function):
                    if name in scope.cells:
                        interpreter.store.set_in(scope.cells, name, _unknown())
            for base, name in _assigned_to(function.node):
                owner = function.owner if base == "cls" else _visible(function, base)
                if isinstance(owner, (Class, ModuleScope)):
                    interpreter.store.set(owner, name, _unknown())
        objects = [*self.objects.values(), *(interpreter.created if self.is_everything else ())]
        for value in objects:
            if isinstance(value, (List, ValueIterator)):
                if value.cells[ITEMS] or not value.cells[REST]:
                    interpreter.store.set(value, ITEMS, ())
                    interpreter.store.set(value, REST, (_unknown(),))
            elif isinstance(value, Dict):
                for key, held in value.entries():
                    if not isinstance(held, Unknown):
                        interpreter.store.set(value, key, _unknown())
                interpreter.store.set(value, Dict.OPEN, True)
            elif isinstance(value, Instance):
                for name in list(self._changed(value)):
                    interpreter.store.set(value, name, _unknown())
                if value.is_module:
                    interpreter.domain.may_change(interpreter, value, None if self.is_everything else self.names, site)

    def _changed(self, instance: Instance) -> Iterator[str]:
        """The attributes of an object that the call may have set, as far as they are known."""
        for name, value in instance.cells.items():
            may = name in self.written or (self.is_everything and not isinstance(name, Ghost))
            if may and not isinstance(value, Unknown):
                yield name
        for name in self.written - instance.cells.keys():
            value = instance.cls.lookup(name)[0]
            if value is not ABSENT and not isinstance(value, (Function, Property)):
                yield name


def _top_level(interpreter: Interpreter) -> dict[str, list[Value]]:
    """The functions and classes of all modules, by their names."""
    collector = interpreter.collector
    size = len(collector.functions) + len(collector.classes)
    if interpreter.top_level[0] != size:
        named: dict[str, list[Value]] = {}
        definitions: list[Function | Class] = [*collector.functions, *collector.classes]
        for one in definitions:
            named.setdefault(one.name, []).append(one)
        interpreter.top_level = size, named
    return interpreter.top_level[1]


def _visible(function: Function, name: str) -> Value:
    """What a name stands for outside a function; ABSENT if unknown, or if it is not imported yet."""
    value: Value = next((scope.cells[name] for scope in _scopes(function) if name in scope.cells), ABSENT)
    hops = 0
    while isinstance(value, Imported) and hops < 20:
        value = value.module.cells.get(value.name, ABSENT)
        hops += 1
    return value


def _scopes(function: Function) -> Iterator[Frame | ModuleScope]:
    scope: Frame | None = function.scope
    while scope is not None:
        yield scope
        scope = scope.parent
    yield function.scope.module


def _methods(cls: Class) -> list[Function]:
    found: list[Value] = []
    for value in cls.cells.values():
        found.extend((value.getter, value.setter) if isinstance(value, Property) else (_unwrapped(value),))
    return [one for one in found if isinstance(one, Function)]


def _unwrapped(value: Value) -> Value:
    while isinstance(value, (StaticMethod, ClassMethod, Partial)):
        value = value.function
    return value


def _is_special(name: str) -> bool:
    """Whether a method is called by syntax, or by PyTorch."""
    return name.startswith("__") or name == "forward"


@asked_once
def _mentions(node: cst.CSTNode) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names in a function, those of attributes, and the attributes that it assigns."""
    names: set[str] = set()
    attributes: set[str] = set()
    written: set[str] = set()
    pending = [node]
    while pending:
        inner = pending.pop()
        if isinstance(inner, cst.Name):
            names.add(inner.value)
        elif isinstance(inner, cst.Attribute):
            attributes.add(inner.attr.value)
            pending.append(inner.value)
        elif not isinstance(inner, cst.Annotation):
            if isinstance(inner, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr)):
                written |= {target.attr.value for target in walk(inner.target) if isinstance(target, cst.Attribute)}
            elif isinstance(inner, (cst.AsName, cst.Del)):
                written |= {target.attr.value for target in walk(inner) if isinstance(target, cst.Attribute)}
            elif isinstance(inner, cst.Call):
                written |= _set_by_name(inner)
            pending.extend(children(inner))
    return frozenset(names), frozenset(attributes), frozenset(written)


@asked_once
def _assigned_to(node: cst.CSTNode) -> frozenset[tuple[str, str]]:
    """The names other than `self` whose attributes a function assigns, and which."""
    return frozenset(
        (target.value.value, target.attr.value)
        for inner in walk(node)
        if isinstance(inner, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign))
        for target in walk(inner.target)
        if isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name) and target.value.value != "self"
    )


def _set_by_name(node: cst.Call) -> set[str]:
    """`setattr(model, "head", ...)`."""
    if isinstance(node.func, cst.Name) and node.func.value == "setattr" and len(node.args) == 3:
        value = node.args[1].value
        if isinstance(value, cst.SimpleString):
            return {str(value.evaluated_value)}
    return set()


@asked_once
def _outer_names(node: cst.CSTNode) -> frozenset[str]:
    """The names that a function declares as `global` or `nonlocal`."""
    return frozenset(
        item.name.value for inner in walk(node) if isinstance(inner, (cst.Global, cst.Nonlocal)) for item in inner.names
    )
