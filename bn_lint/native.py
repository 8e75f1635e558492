"""The compiled build, and what it asks of the source (see `tool.bn-lint.compiled` in pyproject.toml)."""

from __future__ import annotations

from typing import TypeVar

Class = TypeVar("Class", bound=type)

#: Whether this is the compiled build; while it is made, mypyc is told so (`always_true`).
COMPILED = not __file__.endswith(".py")


def interpreted(cls: Class) -> Class:
    """Leave a class to Python where its module is compiled.

    mypyc does so with every class whose decorator it does not know. Its own classes have no weak references, cannot
    inherit from `int` or `tuple`, and classes that are not compiled cannot inherit from them.
    """
    return cls
