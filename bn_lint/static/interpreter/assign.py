"""Binding values to targets: names, attributes, subscripts, and nested tuples of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import execute_module
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.iteration import unpack
from bn_lint.static.interpreter.subscripts import evaluate_index, set_item
from bn_lint.static.interpreter.values import (
    ABSENT,
    ITEMS,
    LAZY,
    REST,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    DomainValue,
    Function,
    Instance,
    List,
    ModuleScope,
    Property,
    Slice,
    Tensor,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef


def assign(interpreter: Interpreter, target: Any, value: Value, frame: Frame) -> None:
    """Bind a value to an assignment target."""
    kind = type(target)  # isinstance is slow on syntax nodes, which are abstract base classes
    if kind is cst.Name:
        if type(value) is Tensor or type(value) is Instance:
            interpreter.collector.assigned(NodeRef(frame.file, target), value)
        assign_name(interpreter, target.value, value, frame)
    elif kind is cst.Attribute:
        owner = evaluate(interpreter, target.value, frame)
        set_attribute(interpreter, owner, target.attr.value, value, NodeRef(frame.file, target))
    elif kind in (cst.Tuple, cst.List):
        _assign_sequence(interpreter, target.elements, value, frame)
    elif kind is cst.Subscript:
        container = evaluate(interpreter, target.value, frame)
        set_item(interpreter, container, evaluate_index(interpreter, target.slice, frame), value)
        if isinstance(container, (DomainValue, Unknown)):
            interpreter.domain.set_item(interpreter, container, value, NodeRef(frame.file, target))
    elif kind is cst.StarredElement:
        assign(interpreter, target.value, value, frame)


def assign_name(interpreter: Interpreter, name: str, value: Value, frame: Frame) -> None:
    """Bind a name in a frame, or where its `global` or `nonlocal` statement says."""
    owner = frame.global_names.get(name)
    if type(value) is Instance and value.variable is None:
        value.variable = name
    if owner is None:
        (interpreter.store.bind if frame.function is not None else interpreter.store.write)(frame.cells, name, value)
    else:
        interpreter.store.disturb()
        interpreter.store.set_in(owner.cells, name, value)


def _assign_sequence(interpreter: Interpreter, elements: Sequence[cst.BaseElement], value: Value, frame: Frame) -> None:
    star = next((i for i, e in enumerate(elements) if type(e) is cst.StarredElement), None)
    values = unpack(interpreter, value, len(elements), star)
    for element, part in zip(elements, values):
        assign(interpreter, element.value, part, frame)


def set_attribute(interpreter: Interpreter, receiver: Value, name: str, value: Value, ref: NodeRef) -> None:
    """Write an attribute of an object; writes to anything but objects, classes and functions are lost."""
    if isinstance(receiver, Instance):
        found = receiver.cls.lookup(name)[0]
        if isinstance(found, Property):
            if found.setter is not None:
                call(interpreter, found.setter, Arguments([receiver, value]), ref, None)
            return
        entries = receiver.entries
        if entries is not None and receiver is receiver.cells.get("__dict__"):
            set_item(interpreter, entries, name, value)
            return
        register(interpreter, receiver, name, value)
        if receiver.is_module:
            interpreter.domain.set_attribute(interpreter, receiver, name, value, ref)
        if isinstance(value, (List, Dict, tuple)):
            receiver.set_at = {**(receiver.set_at or {}), name: ref}
    elif isinstance(receiver, (Class, ModuleScope)):
        if isinstance(receiver, ModuleScope):
            execute_module(interpreter, receiver)  # or its own assignment would come later
        elif isinstance(receiver.lookup(name)[0], Function):
            interpreter.store.outside.changed()  # a method: calls of objects of the class are not what they were
        interpreter.store.set(receiver, name, value)
    elif isinstance(receiver, Function):
        interpreter.store.set_in(receiver.attributes, name, value)
    elif isinstance(receiver, Union):
        for one in receiver.values:
            if isinstance(one, Instance):
                register(interpreter, one, name, Unknown(name, "set on one of several objects"))
        values = [one for one in receiver.values if isinstance(one, DomainValue)]
        if values:
            interpreter.domain.set_on_one(interpreter, values, name, value, ref)
    else:
        interpreter.domain.set_attribute(interpreter, receiver, name, value, ref)


def register(interpreter: Interpreter, owner: Instance, name: str, value: Value) -> None:
    """Write an attribute of an instance. Layers learn the name they are known by."""
    if isinstance(value, Instance) and value.is_module and owner.cells.get(name, ABSENT) is None:
        LAZY.put(value, True)
    interpreter.store.set(owner, name, value)
    _name_layers(owner, name, value)


def _name_layers(owner: Instance, name: str, value: Value) -> None:
    if isinstance(value, Instance):
        if value.is_module and value.owner is None and value is not owner:
            value.owner = owner
            value.name = name
    elif isinstance(value, Union):
        for one in value.values:
            _name_layers(owner, name, one)


def delete_attribute(interpreter: Interpreter, owner: Value, name: str) -> None:
    """Take an attribute away; of anything but an object, it stays."""
    if isinstance(owner, Instance):
        interpreter.store.remove(owner, name)


def delete(interpreter: Interpreter, target: cst.BaseExpression, frame: Frame) -> None:
    """Execute `del target`."""
    if type(target) is cst.Name:
        if target.value in frame.cells:
            interpreter.store.write(frame.cells, target.value, Unknown(target.value, "deleted"))
    elif type(target) is cst.Attribute:
        delete_attribute(interpreter, evaluate(interpreter, target.value, frame), target.attr.value)
    elif type(target) is cst.Subscript:
        container = evaluate(interpreter, target.value, frame)
        key = evaluate_index(interpreter, target.slice, frame)
        if (
            isinstance(container, Dict)
            and not isinstance(key, Unknown)
            and container.cells.get(key, ABSENT) is not ABSENT
        ):
            interpreter.store.remove(container, key)
        elif isinstance(container, List):
            items = list(container.items)
            position = key.concrete if isinstance(key, Slice) else key if isinstance(key, int) else None
            if position is not None and not container.rest:
                try:
                    del items[position]
                except IndexError:
                    return
                interpreter.store.set(container, ITEMS, tuple(items))
            else:
                interpreter.store.set(container, REST, (Unknown("?", "an unknown element was deleted"),))
        elif isinstance(container, Instance):
            method = container.cls.lookup("__delitem__")[0]
            if method is not ABSENT:
                call(interpreter, BoundMethod(method, container), Arguments([key]), NodeRef(frame.file, target), frame)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            delete(interpreter, element.value, frame)
