"""Transformers: models that are modules."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(packages=("transformers",), modules=("transformers.PreTrainedModel",))
