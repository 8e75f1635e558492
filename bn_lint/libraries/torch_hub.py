"""`torch.hub`: repositories with models, as far as they do not belong to a library that has a file of its own."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("torch.hub",),
    mentions=(r"hub\.load(?<!\whub\.load)\b",),
    names=("hub",),
    repositories={
        "NVIDIA/DeepLearningExamples": True,
        "facebookresearch/WSL-Images": True,
        "facebookresearch/semi-supervised-ImageNet1K-models": True,
        "facebookresearch/swav": True,
        "facebookresearch/barlowtwins": True,
        "facebookresearch/vicreg": True,
        "facebookresearch/dino": True,
    },
)
