"""resnest: ResNets with split attention. Files that use it name an architecture."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("resnest",),
    functions="resnest.torch",
    repositories={"zhanghang1989/ResNeSt": False},
)
