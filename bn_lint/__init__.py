"""bn-lint finds BatchNorm misuse in PyTorch code."""

from __future__ import annotations

__version__ = "0.1.0"
