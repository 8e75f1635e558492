"""A cheap test, on bytes, of whether a file deserves to be parsed.

Parsing costs a hundred times more than this test, and most files of a project never mention BatchNorm.
"""

from __future__ import annotations

import re

# A loop that forgets `model.eval()` need not name the layer: the model often lives in another file.
_MODE = re.compile(rb"\.\s*(?:eval|train)\b|\btraining\b")


def deserves_judging(data: bytes) -> bool:
    """Whether the file names BatchNorm, or switches modes in a program that uses torch."""
    lowered = data.lower()
    if b"batchnorm" in lowered or b"batch_norm" in lowered:
        return True
    return b"torch" in data and _MODE.search(data) is not None


def is_interpreted(text: str) -> bool:
    """Whether the file is executed for its own sake: it names BatchNorm, or asks to `reveal(...)` a value."""
    lowered = text.lower()
    return "batchnorm" in lowered or "batch_norm" in lowered or "reveal(" in text
