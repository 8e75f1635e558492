"""Progress bars: what they are given is iterated over."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("tqdm", "rich"),
    leaves_modes=("tqdm",),
    iterates=("tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.rich.tqdm", "rich.progress.track"),
)
