"""Revisions of bn-lint, side by side."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import ROOT

#: The linter, and what is linted of the repository itself.
_PARTS = ("bn_lint", "rules", "fixtures", "tests")


@contextmanager
def exported(revision: str) -> Iterator[Path]:
    """Gives a folder with the files of a revision, for the time of the block.

    Raises subprocess.CalledProcessError where git knows no such revision.
    """
    command = ["git", "archive", "--format=tar", f"{revision}^{{commit}}", *_PARTS]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="bn-lint-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            opened.extractall(folder, filter="data")
        yield Path(folder)
