"""pretrainedmodels: models of image classification, with weights unless they are refused."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("pretrainedmodels",),
    mentions=(r"pretrainedmodels(?<!\wpretrainedmodels)\b",),
    names=("pretrainedmodels",),
    functions="pretrainedmodels",
    chosen_from=True,
    loads_weights=True,
)
