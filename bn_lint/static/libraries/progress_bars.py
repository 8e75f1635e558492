"""Progress bars: they give the items of what they are given."""

from __future__ import annotations

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.values import Builtin, Value

_PROGRESS = Builtin("progress", lambda interpreter, arguments, ref: arguments.get(0, "iterable"))
PROGRESS: dict[str, Value] = {name: _PROGRESS for library in LIBRARIES for name in library.iterates}
