"""The reference for a cold run: `python parse_batchnorm.py FOLDER` parses the files that mention BatchNorm, no more."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import libcst

_BATCHNORM = re.compile(rb"batch_?norm", re.IGNORECASE)


def main(folder: str) -> int:
    """Returns how many files were parsed."""
    parsed = 0
    for path in sorted(Path(folder).rglob("*.py")):
        data = path.read_bytes()
        if _BATCHNORM.search(data):
            libcst.parse_module(data)
            parsed += 1
    return parsed


if __name__ == "__main__":
    sys.stdout.write(f"{main(sys.argv[1])}\n")
