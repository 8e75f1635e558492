"""The exit codes of the command."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the exit code of `bn-lint` tells a script."""

    #: Nothing found.
    CLEAN = 0
    #: At least one finding that is not suppressed.
    FINDINGS = 1
    #: Wrong usage or configuration, unreadable input, or a defect of bn-lint: the result is not complete.
    FAILURE = 2
    #: Stopped by Ctrl-C (SIGINT).
    INTERRUPTED = 130
    #: Stopped by SIGTERM, as the system or a time limit sends it.
    TERMINATED = 143
