"""geffnet: EfficientNets and their relatives."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("geffnet",),
    mentions=(r"geffnet(?<!\wgeffnet)\b",),
    names=("create_model",),
    functions="geffnet",
    by_name={"geffnet.create_model": (0, "model_name")},
    repositories={"rwightman/gen-efficientnet-pytorch": False},
)
