"""Kornia: augmentations of batches of images."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("kornia",),
    transforms=("kornia.augmentation",),
    other_transforms=("PatchSequential", "RandomMixUp", "RandomCutMix", "Video", "ExtractTensorPatches"),
    sequences=("AugmentationSequential", "ImageSequential"),
)
