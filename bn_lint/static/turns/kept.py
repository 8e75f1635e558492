"""Where turns are kept, and what stands for the texts that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bn_lint.project import filesystem
from bn_lint.project.mentions import answers_while_running
from bn_lint.static.syntax.shared_trees import Trees


class KeptTurns(Trees, Protocol):
    """A place where the turns of an analysis are kept until the next one of the same files, beside the trees."""

    def turns(self, paths: Sequence[str]) -> str | None:
        """What was kept for some files, if it is there and is whole."""

    def keep_turns(self, paths: Sequence[str], text: str) -> None:
        """Keep something for these files, in place of what was there."""

    def image(self, name: str) -> str | None:
        """The image of modules that is kept under a name, if it is there and is whole."""

    def keep_image(self, text: str) -> str:
        """Keep an image of modules; returns the name that it is kept under."""


def digest(text: str) -> str:
    """What stands for a text: equal only for equal texts."""
    return filesystem.digest(text.encode("utf-8", "surrogatepass"))


def said(text: str) -> str:
    """Stands for what entry points may learn of a text, whichever file they read."""
    return digest(repr([sorted(one) if isinstance(one, frozenset) else one for one in answers_while_running(text)]))
