"""Apex: mixed precision, several devices."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("apex",),
    hands_back={"apex.amp.initialize": HandsBack.ALL, "apex.parallel.DistributedDataParallel": HandsBack.FIRST},
    converters=("apex.parallel.convert_syncbn_model",),
)
