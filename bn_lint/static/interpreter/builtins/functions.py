"""Python's built-in functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# These fill the table, too.
from bn_lint.static.interpreter.builtins import reflection, scalars, sequences  # noqa: F401
from bn_lint.static.interpreter.builtins.concrete import computed
from bn_lint.static.interpreter.builtins.table import BUILTINS, builtin
from bn_lint.static.interpreter.imports import members
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import (
    Arguments,
    Builtin,
    ClassMethod,
    Dict,
    External,
    Property,
    StaticMethod,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef

_PURE: tuple[Callable[..., Any], ...] = (bin, bytes, chr, complex, divmod, format, hex, oct, ord)
_EXCEPTIONS = (
    "object BaseException Exception AssertionError AttributeError FileNotFoundError ImportError IndexError KeyError "
    "KeyboardInterrupt ModuleNotFoundError NotImplementedError OSError RuntimeError StopIteration TypeError ValueError "
    "Warning DeprecationWarning UserWarning"
)

BUILTINS.update((function.__name__, computed(function.__name__, function)) for function in _PURE)
BUILTINS.update((name, External(name)) for name in _EXCEPTIONS.split())
BUILTINS.update(
    {"True": True, "False": False, "None": None, "Ellipsis": ..., "NotImplemented": External("NotImplemented")}
)
BUILTINS.update(dict.fromkeys(("exit", "quit"), External("sys.exit")))
BUILTINS.update({"__file__": Unknown("__file__"), "__doc__": None, "__debug__": True})
BUILTINS["print"] = Builtin("print", lambda interpreter, arguments, ref: None)


@builtin("reveal")
def _reveal(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """Show a value in the specifications of the engine."""
    value = arguments.get(0, "value")
    interpreter.store.disturb()  # it is wanted each time
    interpreter.collector.revealed(ref, value)
    return value


BUILTINS["property"] = Builtin("property", lambda interpreter, arguments, ref: Property(arguments.get(0, "fget")))
BUILTINS["staticmethod"] = Builtin(
    "staticmethod", lambda interpreter, arguments, ref: StaticMethod(arguments.positional[0])
)
BUILTINS["classmethod"] = Builtin(
    "classmethod", lambda interpreter, arguments, ref: ClassMethod(arguments.positional[0])
)
BUILTINS["hash"] = BUILTINS["id"] = BUILTINS["dir"] = Unknown("?", "identity is not evaluated")
BUILTINS["locals"] = Builtin(
    "locals", lambda interpreter, arguments, ref: Dict(dict(interpreter.frame.cells)) if interpreter.frame else Dict()
)
BUILTINS["globals"] = Builtin(
    "globals",
    lambda interpreter, arguments, ref: (
        Dict({**members(interpreter, interpreter.frame.module)}, is_open=True) if interpreter.frame else Dict()
    ),
)


__all__ = ["BUILTINS"]
