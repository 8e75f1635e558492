"""How an analysis is run: on a deep stack, and without garbage collection among what lives to its end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

from bn_lint.static.interpreter.deep_stack import with_deep_stack
from bn_lint.static.syntax.tree import forget_answers

_Result = TypeVar("_Result")


def undisturbed(analysis: Callable[[], _Result]) -> _Result:
    """Run an analysis on a deep stack and without garbage collection, and forget what it held on to."""
    # Syntax trees are large and live to the end; collecting garbage would walk through them again and again.
    collecting, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        return with_deep_stack(analysis)
    finally:
        forget_answers()
        if not frozen:
            gc.unfreeze()
        if collecting:
            gc.enable()


def set_aside() -> None:
    """Have collections pass over what there is, until the analysis is over: trees and modules are no garbage.

    Where a program has frozen objects of its own, nothing is set aside: these could not be told apart afterward.
    """
    if not gc.get_freeze_count():
        gc.freeze()
