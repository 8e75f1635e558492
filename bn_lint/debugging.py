"""Switches for work on bn-lint itself, never for users: `BN_LINT_ENGINE=untimed,steps`.

They are in the environment so that they reach worker processes, editors' servers and whatever a test starts.
"""

from __future__ import annotations

import os

from bn_lint.errors import UsageError

VARIABLE = "BN_LINT_ENGINE"
#: A defect of the engine is raised instead of being reported, or of making a value unknown.
STRICT = "strict"
#: Only steps limit the analysis, not seconds or memory; with one process, it is this one.
UNTIMED = "untimed"
#: The coverage tells how many steps each entry point took.
STEPS = "steps"
_KNOWN = frozenset({STRICT, UNTIMED, STEPS})


def switches() -> frozenset[str]:
    """The switches that are on.

    Raises:
        UsageError: the variable names one that does not exist; to run without it would prove nothing.
    """
    on = frozenset(os.environ.get(VARIABLE, "").replace(",", " ").split())
    if unknown := sorted(on - _KNOWN):
        raise UsageError(f"{VARIABLE} has no switch {unknown[0]}; there are {', '.join(sorted(_KNOWN))}.")
    return on
