"""Horovod: one process for each device."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("horovod",),
    hands_back={"horovod.torch.DistributedOptimizer": HandsBack.FIRST},
    several_processes=r"horovod|\bhvd\b",
)
