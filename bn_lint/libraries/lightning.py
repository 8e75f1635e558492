"""Lightning, under its three names, and Fabric."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("lightning", "pytorch_lightning", "lightning_fabric"),
    second_names=dict.fromkeys(
        ("lightning.Fabric", "lightning.fabric.fabric.Fabric", "lightning_fabric.Fabric"), "lightning.fabric.Fabric"
    ),
    modules=(
        "pytorch_lightning.LightningModule",
        "lightning.LightningModule",
        "lightning.pytorch.LightningModule",
        "pytorch_lightning.core.LightningModule",
        "pytorch_lightning.core.lightning.LightningModule",
    ),
    wrappers={
        "lightning.fabric.Fabric": {
            "setup": HandsBack.ALL,
            "setup_optimizers": HandsBack.ALL,
            "setup_dataloaders": HandsBack.ALL,
            "setup_module": HandsBack.FIRST,
        }
    },
    several_processes=r"fabric|lightning",
)
