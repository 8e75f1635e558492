"""What programs do when a class is made: `__init_subclass__` of its bases, and their metaclass."""

from __future__ import annotations

from functools import partial

from bn_lint.static.interpreter.calls import call
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.havoc import forget_changes
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.limits import DECORATOR_STEPS
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Class,
    ClassMethod,
    Dict,
    Function,
    Value,
    lookup_in,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef


def class_made(interpreter: Interpreter, cls: Class, node: cst.ClassDef, frame: Frame) -> None:
    """Tell the bases of a class, and its metaclass, that it was made. Many put it into a table."""
    keywords = {arg.keyword.value: arg.value for arg in node.keywords if arg.keyword is not None}
    if "metaclass" in keywords:
        metaclass = evaluate(interpreter, keywords.pop("metaclass"), frame)
        cls.metaclass = metaclass if isinstance(metaclass, Class) else None
    else:
        bases = (base.metaclass for base in cls.mro[1:] if isinstance(base, Class))
        cls.metaclass = next((one for one in bases if one is not None), None)
    hook, _ = lookup_in(cls.mro[1:], "__init_subclass__")
    hook = hook.function if isinstance(hook, ClassMethod) else hook
    if not isinstance(hook, Function) and cls.metaclass is None:
        return
    options = {name: evaluate(interpreter, value, frame) for name, value in keywords.items()}
    ref = NodeRef(frame.file, node)
    if isinstance(hook, Function):
        _tell(interpreter, hook, Arguments([cls], options), ref, frame)
    if cls.metaclass is not None:
        namespace = Dict(dict[object, Value](cls.cells))
        given: list[Value] = [cls.name, cls.bases, namespace]
        made, _ = cls.metaclass.lookup("__new__")
        if isinstance(made, Function):
            interpreter.classes_made.append(cls)
            try:
                _tell(interpreter, made, Arguments([cls.metaclass, *given], options), ref, frame)
            finally:
                interpreter.classes_made.pop()
        init, _ = cls.metaclass.lookup("__init__")
        if isinstance(init, Function):
            _tell(interpreter, init, Arguments([cls, *given], options), ref, frame)


def _tell(interpreter: Interpreter, function: Function, arguments: Arguments, ref: NodeRef, frame: Frame) -> None:
    mark = interpreter.store.mark()
    result = interpreter.budget.within(DECORATOR_STEPS, partial(call, interpreter, function, arguments, ref, frame))
    if result is ABSENT:
        forget_changes(interpreter, mark)
