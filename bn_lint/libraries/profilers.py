"""Tools that run a model to tell its layers, parameters or operations.

thop, ptflops and torchinfo call `eval()` themselves, and switch back afterward.
"""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=(
        "torchsummary",
        "torchinfo",
        "torchlens",
        "thop",
        "ptflops",
        "fvcore",
        "torchview",
        "torchviz",
        "calflops",
    ),
    looks_at_models=True,
    runs_as_is=(
        "torchsummary.summary",
        "fvcore.nn.FlopCountAnalysis",
        "fvcore.nn.flop_count.FlopCountAnalysis",
    ),
)
