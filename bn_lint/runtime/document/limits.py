"""What the values of a trace may be: a trace is a file from somewhere, and may have been made to do harm."""

from __future__ import annotations

import os
import re
from typing import Any

from bn_lint.facts import Place
from bn_lint.runtime.document.document import Calls, Document, Drift, Failure, LayerTrace, ModeSwitch, Statistics

#: A trace of a thousand layers has two megabytes.
MOST_BYTES = 200_000_000
_LAST = 10**9
_LONGEST_PATH = 4096
_MOST_AXES = 64
_MOST_POSITIONS = 10_000
_HEXADECIMAL = re.compile("[0-9a-f]*")


def wrong(value: Any) -> str | None:
    """What is wrong with one object of a trace whose fields have the right types; None when nothing is."""
    match value:
        case Place():
            fits = 1 <= value.line <= value.end_line < _LAST and min(value.column, value.end_column) >= 1
            fits = fits and max(value.column, value.end_column) < _LAST and value.number is None
            return None if fits and is_path(value.path) else "is no place"
        case Calls():
            return None if value.count >= 0 and _is_shape(value.shape) else "has a count or shape that cannot be"
        case ModeSwitch():
            return None if _are_steps(value.steps) else "has steps that cannot be"
        case Statistics():
            known = {len(value.variances), len(value.means)}
            return None if known <= {0, 5} else "has other quartiles than five"
        case Failure():
            return None if _is_shape(value.shape) else "has a shape that cannot be"
        case Drift():
            return None if value.batches >= 0 and len(value.history) <= _MOST_POSITIONS else "has no such history"
        case LayerTrace():
            if len(value.timeline) > _MOST_POSITIONS or not _HEXADECIMAL.fullmatch(value.timeline):
                return "has a timeline that is not hexadecimal"
            counts = all(len(name) < 20 and name.isdecimal() for name in value.calls_per_step)
            return None if counts else "has calls_per_step that are no numbers"
        case Document():
            fits = (
                _are_steps(value.epochs)
                and value.steps >= 0
                and value.steps_per_position >= 1
                and value.world_size >= 1
                and value.seconds >= 0
            )
            if not fits:
                return "has steps, seconds or processes that cannot be"
            paths = (*value.files, value.directory)
            return None if all(map(is_path, paths)) else "has a directory or files that are no paths"
    return None


def _are_steps(steps: list[int]) -> bool:
    return len(steps) <= _MOST_POSITIONS and all(0 <= step < _LAST for step in steps)


def is_path(text: str) -> bool:
    """Whether a text may be a path, and the system takes it for one."""
    try:
        return "\0" not in text and len(os.fsencode(text)) <= _LONGEST_PATH
    except UnicodeEncodeError:
        return False


def _is_shape(sizes: list[int]) -> bool:
    return len(sizes) <= _MOST_AXES and all(size >= -1 for size in sizes)
