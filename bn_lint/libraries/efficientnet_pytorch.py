"""efficientnet_pytorch: one class, and a method that loads weights."""

from __future__ import annotations

from bn_lint.libraries.library import Library, ModelClass

LIBRARY = Library(
    packages=("efficientnet_pytorch",),
    second_names={"efficientnet_pytorch.model.EfficientNet": "efficientnet_pytorch.EfficientNet"},
    mentions=(r"efficientnet_pytorch(?<!\wefficientnet_pytorch)\b",),
    names=("EfficientNet",),
    classes={
        "efficientnet_pytorch.EfficientNet": ModelClass(constructors={"from_name": False, "from_pretrained": True})
    },
)
