"""Accelerate: prepares models, optimizers and loaders for several devices."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("accelerate",),
    second_names={"accelerate.accelerator.Accelerator": "accelerate.Accelerator"},
    wrappers={
        "accelerate.Accelerator": {
            "prepare": HandsBack.ALL,
            "prepare_model": HandsBack.FIRST,
            "prepare_optimizer": HandsBack.FIRST,
            "prepare_data_loader": HandsBack.FIRST,
            "prepare_scheduler": HandsBack.FIRST,
            "unwrap_model": HandsBack.FIRST,
        }
    },
    several_processes=r"accelerat",
)
