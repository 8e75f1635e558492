"""DeepSpeed. What `deepspeed.initialize` gives is in `static/libraries/deepspeed.py`."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(packages=("deepspeed",), several_processes=r"deepspeed")
