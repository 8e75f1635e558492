"""timm: PyTorch image models."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("timm",),
    # Many take no more than layers from it.
    mentions=(
        r"import(?<!\wimport)\s+timm\b",
        r"from(?<!\wfrom)\s+timm(?:\.models(?!\.layers)[\w.]*)?\s+import\b",
        r"timm(?<!\wtimm)\.(?:create_model|models(?!\.layers))\b",
    ),
    names=("timm", "create_model"),
    functions="timm.models",
    by_name=dict.fromkeys(
        ("timm.create_model", "timm.models.create_model", "timm.models.factory.create_model"), (0, "model_name")
    ),
    chosen_from=True,
    repositories={"huggingface/pytorch-image-models": False, "rwightman/pytorch-image-models": False},
    ten_children=True,
    plain_modules=("timm.create_model",),
)
