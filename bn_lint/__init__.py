"""bn-lint finds BatchNorm misuse in PyTorch code."""

from __future__ import annotations

__version__ = "0.1.0.dev0"

TYPE_CHECKING = False  # what `typing` has under this name, without importing it
if TYPE_CHECKING:
    from typing import TypeVar

    from bn_lint.runtime.tracer import Trace as Trace
    from bn_lint.runtime.tracer import trace as trace

    _Value = TypeVar("_Value")


def reveal(value: _Value) -> _Value:
    """Return the value. `bn-lint check` tells what it knows of it, such as the shape of a tensor."""
    return value


def __getattr__(name: str) -> object:
    # The tracer needs torch, which a linter does not.
    if name in ("trace", "Trace"):
        from bn_lint.runtime import tracer

        return getattr(tracer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
