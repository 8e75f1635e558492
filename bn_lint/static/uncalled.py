"""What an entry point has made and not called: bn-lint calls it in the program's place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import TRAIN_STEPS
from bn_lint.static.interpreter.values import ABSENT, Class, Function, Instance, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.happened import batchnorm_layers
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.out_of_sight import given_for_evaluations
from bn_lint.static.torch_model.overrides import call_train
from bn_lint.static.torch_model.watchers import collector_of, events_of
from bn_lint.static.with_symbols import call_forward, call_other_methods, call_with_symbols

#: Of a class whose instances are never called, so many are called.
_MOST_INSTANCES = 3


def call_steps(interpreter: Interpreter) -> None:
    """Call the unused functions within functions: steps of a framework.

    In which order, how often, and whether at all, it alone knows: each finds the modes that the program has left.
    """
    events = events_of(interpreter)
    steps = [function for function in events.nested if not function.called]
    asking = [function for function in events.asking if not function.called]
    for function in (*steps, *asking):
        interpreter.events.loops.append(interpreter.events.now())
        outer = interpreter.store.fork()
        events.is_asking = function.name not in given_for_evaluations(function.file.tree)
        try:
            call_with_symbols(interpreter, function)
        finally:
            events.is_asking = False
            interpreter.store.rollback(outer)
            interpreter.events.loops.pop()


def call_roots(interpreter: Interpreter, file: SourceFile) -> None:
    """Call the modules that the entry point built but did not call."""
    created = list(interpreter.created)
    nowhere = NodeRef(file, file.tree)
    shared = _shared_parts(created)
    roots = [instance for instance in created if instance.owner is None]
    # What has taken parts of another root calls them in its own way, so it comes first.
    for instance in sorted(roots, key=lambda root: _gives_parts_away(root, shared)):
        if not instance.called and not (_gives_parts_away(instance, shared) and _is_run_in_parts(instance)):
            call_forward(interpreter, instance, nowhere)
    # Modules that no forward reached, such as children of a container that the program iterates in its own way.
    apart = {
        instance
        for instance in created
        if not instance.called
        and (instance.owner is not None or _gives_parts_away(instance, shared))
        and _is_run_in_parts(instance)
    }
    tried: dict[Value, int] = {}
    for instance in created:
        if instance.called or not isinstance(instance.cls, Class) or instance in apart:
            continue
        if tried.get(instance.cls, 0) < _MOST_INSTANCES:
            tried[instance.cls] = tried.get(instance.cls, 0) + 1
            call_forward(interpreter, instance, nowhere)
    for instance in created:
        if not instance.called or not isinstance(instance.cls, Class):
            continue
        if tried.get(instance.cls, 0) >= _MOST_INSTANCES:
            continue
        if any(_is_idle(child) for _, child in instance.children()):
            tried[instance.cls] = tried.get(instance.cls, 0) + 1
            call_other_methods(interpreter, instance)


def _shared_parts(modules: Sequence[Instance]) -> frozenset[int]:
    """The modules that are a part of more than one: `self.stem = resnet.conv1`."""
    parents: dict[int, int] = {}
    for module in modules:
        for part in {id(part) for _, part in module.children()}:
            parents[part] = parents.get(part, 0) + 1
    return frozenset(part for part, count in parents.items() if count > 1)


def _gives_parts_away(module: Instance, shared: frozenset[int]) -> bool:
    """Whether parts of a module, which it was the first to have, are parts of another one as well."""
    if not shared:
        return False
    parts = list(module.possible_descendants())
    return any(id(part) in shared and any(part.owner is one for one in parts) for part in parts)


def _is_run_in_parts(module: Instance) -> bool:
    """Whether another module calls the parts of it: its own `forward` is there for others, if for anybody."""
    return any(part.called for part in module.possible_descendants())


def try_train(interpreter: Interpreter, file: SourceFile) -> None:
    """Try the `train` of models that have one of their own: which layers does it put in evaluation mode?

    It leaves nothing else behind.
    """
    nowhere = NodeRef(file, file.tree)
    for model in list(interpreter.created):
        override = _own_train(model)
        if override is None or (model.owner is not None and _own_train(model.owner) is not None):
            continue  # what it is part of passes it on
        layers = batchnorm_layers(model)
        if not layers or model.built is None or not isinstance(model.built.node, cst.Call):
            continue  # whoever builds it says what `train` does
        events = interpreter.events
        interpreter.events = interpreter.domain.new_log()
        outer = interpreter.store.fork()
        try:
            with interpreter.collector.quiet(True):
                run = partial(call_train, interpreter, override, model, True, nowhere)
                if interpreter.budget.within(TRAIN_STEPS, run) is not ABSENT:
                    for layer in layers:
                        if agreed(modes_of(layer, events_of(interpreter))) is False:
                            collector_of(interpreter).stays_in_eval(layer)
        finally:
            interpreter.store.rollback(outer)
            interpreter.events = events


def find_evaluated(interpreter: Interpreter) -> None:
    """Which models does the program put in evaluation mode before it calls them, and leave so?"""
    events = events_of(interpreter)
    events.is_over = True
    trained = {id(one.model): one.model for one in events.switches if one.mode.training is not False}
    trained.update((id(one.model), one.model) for one in events.calls if one.states != {False})
    for model in {id(one.model): one.model for one in events.switches if one.mode.training is False}.values():
        if model.built is not None and not any(events.related(one, model) for one in trained.values()):
            for layer in batchnorm_layers(model):
                collector_of(interpreter).stays_in_eval(layer)


def _own_train(model: Instance) -> Function | None:
    override = model.cls.lookup("train")[0] if model.is_module else None
    return override if isinstance(override, Function) else None


def _is_idle(child: Value) -> bool:
    return isinstance(child, Instance) and not child.called and batchnorm_class(child) is not None
