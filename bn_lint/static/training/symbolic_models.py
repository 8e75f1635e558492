"""Models that are made out of view: what trains them, and what can be said of them.

It needs no more than what the program itself does to a model: it is trained in training mode, and evaluated without a
switch; or it is switched off for an evaluation, and trained again as it is. And the project must build BatchNorm
somewhere: then its models are likely to have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Fact, ModelCall, Place, Purpose
from bn_lint.project.mentions import BUILDS, LAYER, SWITCHES, TRAINS
from bn_lint.static.interpreter.values import Class, Function, Imported, Instance, ModuleScope, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import ParseError, SourceFile
from bn_lint.static.syntax.tree import walk
from bn_lint.static.torch_model.mode import ARRIVED
from bn_lint.static.training.chosen_modes import is_local, left_in_evaluation
from bn_lint.static.training.purpose import classify

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import Project
    from bn_lint.static.torch_model.events import EventLog
    from bn_lint.static.torch_model.happened import Call

#: What tells that something is a model, when it is asked of it.
_TELLING = ("train", "eval", "parameters")


def trains_symbolic_models(text: str) -> bool:
    """Whether a file may train models that it is given."""
    return TRAINS.search(text) is not None and SWITCHES.search(text) is not None


def given_models(function: Function, known: dict[Function, list[str]] | None = None) -> list[str]:
    """The parameters of a function that are models: it asks them what models are asked, or hands them to one that does.

    `known` has those of the functions that were looked at on the way.
    """
    known = {} if known is None else known
    if function in known:
        return known[function]
    known[function] = []
    asked: set[str] = set()
    for node in walk(function.node.body):
        if type(node) is cst.Attribute and type(node.value) is cst.Name and node.attr.value in _TELLING:
            asked.add(node.value.value)
        elif type(node) is cst.Call:
            other = _named(function.scope.module, node.func)
            if isinstance(other, Function):
                asked.update(_handed(node, other, given_models(other, known)))
    params = (*function.params.positional, *function.params.keyword_only)
    known[function] = [name for name in params if name != "self" and name in asked]
    return known[function]


def _named(module: ModuleScope, name: cst.BaseExpression) -> Value | None:
    """What a name of a module stands for, or one of a module that it has imported."""
    value: Value | None = None
    if type(name) is cst.Name:
        value = module.cells.get(name.value)
    elif type(name) is cst.Attribute and type(name.value) is cst.Name:
        other = module.cells.get(name.value.value)
        value = other.cells.get(name.attr.value) if isinstance(other, ModuleScope) else None
    seen: list[Imported] = []  # modules may import a name from each other
    while isinstance(value, Imported) and value not in seen:
        seen.append(value)
        value = value.module.cells.get(value.name)
    return value


def _handed(call: cst.Call, function: Function, wanted: list[str]) -> Iterator[str]:
    """The names that stand in a call where its function has certain parameters."""
    for position, argument in enumerate(call.args):
        if argument.star or type(argument.value) is not cst.Name:
            continue
        named = argument.keyword.value if argument.keyword is not None else None
        if named is None and position < len(function.params.positional):
            named = function.params.positional[position]
        if named in wanted:
            yield argument.value.value


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


def fill(interpreter: Interpreter, trainer: Instance, attributes: frozenset[str]) -> None:
    """Put something unknown where a trainer has nothing: what a subclass or a caller makes."""
    for name in sorted(attributes):
        if trainer.cells.get(name) is None:
            interpreter.store.set(trainer, name, Unknown(name, f"what becomes `{name}` is not visible"))


def is_proven(events: EventLog, call: Call, trained: frozenset[int]) -> bool:
    """Whether the program alone shows that a call of a model that nobody has seen is in the wrong mode."""
    if any(is_local(events, call, mode) for modes in call.modes for mode in modes):
        return False  # who switches a model for a call of it wants it so, and knows the models that are meant
    before = [
        one
        for one in events.calls
        if one.model is call.model and one.order < call.order and one.purpose is Purpose.TRAINING
    ]
    if call.purpose is Purpose.TRAINING:
        owned = call.step.owned if call.step is not None else None
        whole = owned is None or any(events.is_part_of(call.model, one) for one in owned)
        off = call.states == {False} or left_in_evaluation(events, call) is not None
        # Its weights are surely those that are trained; or it was trained before, in the mode in which it arrived, or
        # was put in training mode.
        return off and whole and (owned is not None or any(map(_is_on, before)) or _was_switched_on(events, call))
    on = any(one.states == {True} for one in before) and True in {m.training for modes in call.modes for m in modes}
    return _is_on(call) and on and call.grad is False and classify(events, call, trained) is Purpose.EVALUATION


def _was_switched_on(events: EventLog, call: Call) -> bool:
    """Whether the program has called `train()` on a model, before it was put in the evaluation mode of a call."""
    off = [mode.order for modes in call.modes for mode in modes if mode.training is False]
    return any(
        one.model is call.model and one.mode.training and one.mode.order < min(off, default=0)
        for one in events.switches
    )


def _is_on(call: Call) -> bool:
    """Whether a model is in training mode, or still in the mode in which it arrived."""
    return all(mode.training or mode is ARRIVED for modes in call.modes for mode in modes)


def switches_modes(cls: Class) -> bool:
    """Whether the code of a class switches the mode of anything."""
    return any(type(node) is cst.Attribute and node.attr.value in ("train", "eval") for node in walk(cls.node))


def outer_methods(cls: Class) -> list[Function]:
    """The methods of a class that none of its other methods calls."""
    inner = {
        node.attr.value
        for node in walk(cls.node)
        if type(node) is cst.Attribute and type(node.value) is cst.Name and node.value.value == "self"
    }
    return [method for name, method in _own_methods(cls) if name not in inner]


def inner_methods(cls: Class) -> list[Function]:
    """The methods of a class that others of its methods call, and that are given models."""
    outer = outer_methods(cls)
    return [method for _, method in _own_methods(cls) if method not in outer and given_models(method)]


def last_heir(cls: Class, classes: Sequence[Class]) -> Class:
    """A class that inherits from a class and that no other of the classes inherits from, or the class itself."""
    while (heir := next((one for one in classes if cls in one.bases), None)) is not None:
        cls = heir
    return cls


def _own_methods(cls: Class) -> Iterator[tuple[str, Function]]:
    """What a class itself defines, without special methods."""
    for name, value in cls.cells.items():
        if not isinstance(name, str) or (name.startswith("__") and name != "__call__"):
            continue
        if isinstance(value, Function) and value.file is cls.file:
            yield name, value


def self_training_methods(cls: Class) -> list[Function]:
    """The outer methods with which a module trains itself: `fit`, which switches `self` and calls `backward()`.

    What they call of the module counts as theirs.
    """
    used = {
        name: {node.attr.value for node in walk(method.node) if type(node) is cst.Attribute}
        for name, method in cls.cells.items()
        if isinstance(method, Function)
    }
    if not any(_switches_itself(method) for method in cls.cells.values() if isinstance(method, Function)):
        return []
    found = []
    for method in outer_methods(cls):
        reached, pending = set[str](), [method.name]
        while pending:
            name = pending.pop()
            if name not in reached:
                reached.add(name)
                pending += used.get(name, ())
        if "backward" in reached:
            found.append(method)
    return found


def _switches_itself(method: Function) -> bool:
    return any(
        type(node) is cst.Attribute
        and node.attr.value in ("train", "eval")
        and type(node.value) is cst.Name
        and node.value.value == "self"
        for node in walk(method.node)
    )


def with_likelihood(facts: Sequence[Fact], project: Project) -> Iterator[Fact]:
    """Leave out what is said of models out of view where the project builds no BatchNorm, and say where it does."""
    is_asked = any(type(fact) is ModelCall and fact.is_symbolic for fact in facts)
    place = _batchnorm_built(project) if is_asked else None
    for fact in facts:
        if type(fact) is not ModelCall or not fact.is_symbolic:
            yield fact
        elif place is not None:
            made = f"`{fact.model}` or a part of it is made out of view"
            story = f"{made}; models of this project have BatchNorm, such as here"
            yield replace(fact, likely=Evidence(story, place))


def may_have_batchnorm(project: Project) -> bool:
    """Whether models of the project that are made out of view may have BatchNorm."""
    return any(True for _ in _naming_batchnorm(project))


def _naming_batchnorm(project: Project) -> Iterator[SourceFile]:
    for file in filter(None, project.files.values()):
        if BUILDS.search(file.source.text) is not None:
            yield file


def _batchnorm_built(project: Project) -> Place | None:
    """The first place in the project that builds a BatchNorm layer for which modes matter."""
    for file in sorted(_naming_batchnorm(project), key=lambda one: one.display):
        try:
            tree = file.tree
        except ParseError:
            continue
        for node in walk(tree):
            if type(node) is cst.Call and re.fullmatch(LAYER, _last_name(node.func)) and not _keeps_nothing(node):
                return file.place(node)
    return None


def _keeps_nothing(layer: cst.Call) -> bool:
    """Whether a layer has no running statistics: it does the same in both modes."""
    return any(
        arg.keyword is not None
        and arg.keyword.value == "track_running_stats"
        and isinstance(arg.value, cst.Name)
        and arg.value.value == "False"
        for arg in layer.args
    )


def _last_name(node: cst.BaseExpression) -> str:
    name = node.attr if type(node) is cst.Attribute else node
    return name.value if type(name) is cst.Name else ""
