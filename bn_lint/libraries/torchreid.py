"""Torchreid: models that recognize persons."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("torchreid",),
    mentions=(r"torchreid(?<!\wtorchreid)\b",),
    names=("build_model",),
    by_name=dict.fromkeys(("torchreid.models.build_model", "torchreid.reid.models.build_model"), (0, "name")),
)
