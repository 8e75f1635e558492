"""Data frames and other frameworks: `frame.eval` and `model.train` mean something else there."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("pandas", "polars", "tensorflow", "keras", "jax", "flax", "paddle", "mxnet", "numexpr"),
    no_modules=("pandas.",),
    own_modes=True,
)
