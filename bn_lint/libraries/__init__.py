"""What is known of libraries other than PyTorch, as data: one file for each library, or for a family of them.

`LIBRARIES` holds what the files say. The static engine, the tracer and the filter that runs before them read it here;
what a library does beyond such data is in the file of the same name in `bn_lint/static/libraries/`.
"""

from __future__ import annotations

import importlib
import os

from bn_lint.libraries.library import Library

#: Modules of this package that are no libraries.
_OTHERS = frozenset({"__init__", "architectures", "library"})
#: All files of the package, in the order of their names.
FILES = tuple(
    stem
    for stem, extension in sorted(map(os.path.splitext, os.listdir(os.path.dirname(__file__))))
    if extension == ".py" and stem not in _OTHERS
)
LIBRARIES: tuple[Library, ...] = tuple(importlib.import_module(f"{__name__}.{stem}").LIBRARY for stem in FILES)

__all__ = ["FILES", "LIBRARIES"]
