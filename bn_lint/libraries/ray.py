"""Ray Train: prepares models, optimizers and loaders for its workers."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("ray",),
    hands_back=dict.fromkeys(
        ("ray.train.torch.prepare_model", "ray.train.torch.prepare_data_loader", "ray.train.torch.prepare_optimizer"),
        HandsBack.FIRST,
    ),
    several_processes=r"\bray\b",
)
