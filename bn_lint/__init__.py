"""bn-lint finds BatchNorm misuse in PyTorch code."""

from __future__ import annotations

__version__ = "0.1.0.dev0"

TYPE_CHECKING = False  # what `typing` has under this name, without importing it
if TYPE_CHECKING:
    from bn_lint.runtime.tracer import Trace as Trace
    from bn_lint.runtime.tracer import trace as trace


def __getattr__(name: str) -> object:
    # The tracer needs torch, which a linter does not.
    if name in ("trace", "Trace"):
        from bn_lint.runtime import tracer

        return getattr(tracer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
