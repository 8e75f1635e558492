"""Binding values to targets: names, attributes, subscripts, and nested tuples of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from bn_lint.static.frames import Frame, ModuleScope
from bn_lint.static.iteration import unpack
from bn_lint.static.modes.parameters import Weights, freeze
from bn_lint.static.run import Run
from bn_lint.static.subscripts import set_item
from bn_lint.static.values import (
    ITEMS,
    LAZY,
    MISSING,
    REST,
    Arguments,
    BoundMethod,
    Class,
    Dict,
    Function,
    Instance,
    List,
    OneOf,
    Property,
    Spot,
    Tensor,
    Unknown,
    Value,
)


def assign(run: Run, target: Any, value: Value, frame: Frame) -> None:
    """Bind a value to an assignment target."""
    from bn_lint.static.expressions import evaluate, evaluate_index

    kind = type(target)  # isinstance is slow on syntax nodes, which are abstract base classes
    if kind is cst.Name:
        assign_name(run, target.value, value, frame)
    elif kind is cst.Attribute:
        owner = evaluate(run, target.value, frame)
        set_attribute(run, owner, target.attr.value, value, Spot(frame.file, target))
    elif kind in (cst.Tuple, cst.List):
        _assign_sequence(run, target.elements, value, frame)
    elif kind is cst.Subscript:
        container = evaluate(run, target.value, frame)
        set_item(run, container, evaluate_index(run, target.slice, frame), value)
    elif kind is cst.StarredElement:
        assign(run, target.value, value, frame)


def assign_name(run: Run, name: str, value: Value, frame: Frame) -> None:
    """Bind a name in a frame, or where its `global` or `nonlocal` statement says."""
    owner = frame.global_names.get(name)
    if type(value) is Instance and value.variable is None:
        value.variable = name
    run.heap.write(frame.cells if owner is None else owner.cells, name, value)


def _assign_sequence(run: Run, elements: Sequence[cst.BaseElement], value: Value, frame: Frame) -> None:
    star = next((i for i, e in enumerate(elements) if type(e) is cst.StarredElement), None)
    values = unpack(run, value, len(elements), star)
    for element, part in zip(elements, values):
        assign(run, element.value, part, frame)


def set_attribute(run: Run, receiver: Value, name: str, value: Value, spot: Spot) -> None:
    """Write an attribute of an object; writes to anything but objects, classes and functions are lost."""
    if isinstance(receiver, Instance):
        found = receiver.cls.lookup(name)[0]
        if isinstance(found, Property):
            if found.setter is not None:
                from bn_lint.static.calls import call

                call(run, found.setter, Arguments([receiver, value]), spot, None)
            return
        register(run, receiver, name, value)
        if isinstance(value, (List, Dict, tuple)):
            receiver.set_at = {**(receiver.set_at or {}), name: spot}
    elif isinstance(receiver, (Class, ModuleScope)):
        if isinstance(receiver, ModuleScope):
            run.execute_module(receiver)  # or its own assignment would come later
        run.heap.set(receiver, name, value)
    elif isinstance(receiver, Weights):
        if name == "requires_grad":
            freeze(run, receiver.module, value, spot)
        elif name == "data":
            run.program.weights_written(run, receiver.module, spot)
    elif isinstance(receiver, Tensor) and receiver.layer is not None and name == "requires_grad":
        freeze(run, receiver.layer, value, spot)
    elif isinstance(receiver, Function):
        receiver.attributes[name] = value
    elif isinstance(receiver, OneOf):
        for one in receiver.values:
            if isinstance(one, Instance):
                register(run, one, name, Unknown(name, "set on one of several objects"))


def register(run: Run, owner: Instance, name: str, value: Value) -> None:
    """Write an attribute of an instance. Layers learn the name they are known by."""
    if isinstance(value, Instance) and value.is_module and owner.cells.get(name, MISSING) is None:
        value.cells[LAZY] = True
    run.heap.set(owner, name, value)
    _name_layers(owner, name, value)


def _name_layers(owner: Instance, name: str, value: Value) -> None:
    if isinstance(value, Instance):
        if value.is_module and value.owner is None and value is not owner:
            value.owner = owner
            value.name = name
    elif isinstance(value, OneOf):
        for one in value.values:
            _name_layers(owner, name, one)


def delete(run: Run, target: cst.BaseExpression, frame: Frame) -> None:
    """Execute `del target`."""
    from bn_lint.static.expressions import evaluate, evaluate_index

    if type(target) is cst.Name:
        if target.value in frame.cells:
            run.heap.write(frame.cells, target.value, Unknown(target.value, "deleted"))
    elif type(target) is cst.Attribute:
        owner = evaluate(run, target.value, frame)
        if isinstance(owner, Instance):
            run.heap.remove(owner, target.attr.value)
    elif type(target) is cst.Subscript:
        container = evaluate(run, target.value, frame)
        key = evaluate_index(run, target.slice, frame)
        if (
            isinstance(container, Dict)
            and not isinstance(key, Unknown)
            and container.cells.get(key, MISSING) is not MISSING
        ):
            run.heap.remove(container, key)
        elif isinstance(container, List):
            items = list(container.items)
            if isinstance(key, (int, slice)) and not container.rest:
                try:
                    del items[key]
                except (IndexError, TypeError):
                    return
                run.heap.set(container, ITEMS, tuple(items))
            else:
                run.heap.set(container, REST, (Unknown("?", "an unknown element was deleted"),))
        elif isinstance(container, Instance):
            from bn_lint.static.calls import call

            method = container.cls.lookup("__delitem__")[0]
            if method is not MISSING:
                call(run, BoundMethod(method, container), Arguments([key]), Spot(frame.file, target), frame)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            delete(run, element.value, frame)
