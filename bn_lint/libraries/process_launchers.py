"""Frameworks that start programs in several processes, and of which nothing else is known."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("catalyst", "composer", "detectron2", "fairscale", "torch_xla"),
    several_processes=r"catalyst|composer|detectron|fairscale|torch_xla",
)
