"""Models that are made out of view: what a generic trainer is given.

Each stands for any model with BatchNorm, in an unknown mode. What is said about it needs no more than what the
program itself does to it: it is trained in training mode, and evaluated without a switch; or it is switched off for an
evaluation, and trained again as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType

import libcst as cst

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Class, Function, Instance, Unknown
from bn_lint.static.libraries.zoo import model_with_batchnorm
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.mode import forget
from bn_lint.static.torch_model.watchers import events_of

#: What tells that something is a model, when it is asked of it.
_ASKED = ("train", "eval", "parameters")
#: A file that trains.
_TRAINS = re.compile(r"\.backward\s*\(")
_SWITCHES = re.compile(r"\.\s*(?:train|eval)\s*\(\s*\)")


def trains_symbolic_models(text: str) -> bool:
    """Whether a file may train models that it is given."""
    return _TRAINS.search(text) is not None and _SWITCHES.search(text) is not None


def symbolic_model(interpreter: Interpreter, ref: NodeRef) -> Instance:
    """Return a model that no visible code made."""
    model = model_with_batchnorm(interpreter, ref)
    forget(interpreter, model)
    events_of(interpreter).symbolic_models.append(model)
    return model


def given_models(function: Function) -> list[str]:
    """The parameters of a function that are models, by what the function asks of them."""
    asked = {
        node.value.value
        for node in walk(function.node.body)
        if type(node) is cst.Attribute and type(node.value) is cst.Name and node.attr.value in _ASKED
    }
    params = (*function.params.positional, *function.params.keyword_only)
    return [name for name in params if name != "self" and name in asked]


def asked_attributes(cls: Class) -> frozenset[str]:
    """The attributes of its own of which a class asks what models are asked."""
    return frozenset(
        node.value.attr.value
        for node in walk(cls.node)
        if type(node) is cst.Attribute
        and node.attr.value in ("train", "eval")
        and type(node.value) is cst.Attribute
        and type(node.value.value) is cst.Name
        and node.value.value.value == "self"
    )


def kept_models(init: Function, attributes: frozenset[str]) -> list[str]:
    """The parameters of a constructor that become these attributes."""
    kept = {
        name
        for node in walk(init.node.body)
        if type(node) is cst.Assign
        for target in node.targets
        if type(target.target) is cst.Attribute and target.target.attr.value in attributes
        for name in _names(node.value)
    }
    return [name for name in (*init.params.positional, *init.params.keyword_only) if name in kept and name != "self"]


def fill(interpreter: Interpreter, trainer: Instance, attributes: frozenset[str], ref: NodeRef) -> None:
    """Put models where a trainer has nothing, or nothing that anybody knows: what a subclass or a caller makes."""
    for name in sorted(attributes):
        if isinstance(trainer.cells.get(name), (Unknown, NoneType)):
            interpreter.store.set(trainer, name, symbolic_model(interpreter, ref))


def outer_methods(cls: Class) -> list[Function]:
    """The methods of a class that none of its other methods calls."""
    inner = {
        node.attr.value
        for node in walk(cls.node)
        if type(node) is cst.Attribute and type(node.value) is cst.Name and node.value.value == "self"
    }
    methods = [method for name, method in cls.cells.items() if not name.startswith("__") and name not in inner]
    return [method for method in methods if isinstance(method, Function) and method.file is cls.file]


def _names(value: cst.BaseExpression) -> Iterator[str]:
    """`model`, and `model.to(device)`."""
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        value = value.func.value
    if isinstance(value, cst.Name):
        yield value.value
