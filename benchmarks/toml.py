"""Reads the data files of the benchmarks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Returns the table of a TOML file."""
    parser = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    table: dict[str, Any] = parser.loads(path.read_text(encoding="utf-8"))
    return table
