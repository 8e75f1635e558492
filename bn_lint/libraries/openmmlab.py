"""OpenMMLab: its libraries start programs in several processes, and its models share a base class."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("mmcv", "mmengine"),
    modules=(
        "mmcv.runner.BaseModule",
        "mmengine.model.BaseModel",
        "mmengine.model.BaseModule",
    ),
    loads_into=("mmcv.runner.load_checkpoint", "mmengine.runner.load_checkpoint"),
    leaves_modes=("mmcv.runner.load_checkpoint", "mmengine.runner.load_checkpoint"),
    several_processes=r"mmcv|mmengine",
)
