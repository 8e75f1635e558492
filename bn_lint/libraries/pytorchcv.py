"""pytorchcv: models of computer vision."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("pytorchcv",),
    mentions=(r"pytorchcv(?<!\wpytorchcv)\b",),
    names=("get_model",),
    functions="pytorchcv.models",
    by_name={"pytorchcv.model_provider.get_model": (0, "name")},
)
