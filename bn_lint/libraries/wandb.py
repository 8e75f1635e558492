"""Weights & Biases: it watches models, and leaves them as they are."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(packages=("wandb",), leaves_modes=("wandb.watch", "wandb.log"))
