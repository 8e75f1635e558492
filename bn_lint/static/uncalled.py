"""What an entry point has made and not called: bn-lint calls it in the program's place."""

from __future__ import annotations

from bn_lint.static.entry_points import call_forward, call_other_methods, call_with_symbols
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import Class, Instance, Value
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.torch_model.batchnorm import batchnorm_class
from bn_lint.static.torch_model.watchers import events_of

#: Of a class whose instances are never called, so many are called.
_MOST_INSTANCES = 3


def call_steps(interpreter: Interpreter) -> None:
    """Call the unused functions within functions: steps of a framework.

    In which order, how often, and whether at all, it alone knows: each finds the modes that the program has left.
    """
    steps = [function for function in events_of(interpreter).nested if not function.called]
    for function in steps:
        interpreter.events.loops.append(interpreter.events.now())
        outer = interpreter.store.fork()
        try:
            call_with_symbols(interpreter, function)
        finally:
            interpreter.store.rollback(outer)
            interpreter.events.loops.pop()


def call_roots(interpreter: Interpreter, file: SourceFile) -> None:
    """Call the modules that the entry point built but did not call."""
    created = list(interpreter.created)
    nowhere = NodeRef(file, file.tree)
    for instance in created:
        if instance.owner is None and not instance.called:
            call_forward(interpreter, instance, nowhere)
    # Modules that no forward reached, such as children of a container that the program iterates in its own way.
    tried: dict[Value, int] = {}
    for instance in created:
        if not instance.called and isinstance(instance.cls, Class) and tried.get(instance.cls, 0) < _MOST_INSTANCES:
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


def _is_idle(child: Value) -> bool:
    return isinstance(child, Instance) and not child.called and batchnorm_class(child) is not None
