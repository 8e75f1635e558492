"""The codes of bn-lint itself: they are no rules, no comment silences them, and only BN900 can be turned off."""

from __future__ import annotations

from typing import NamedTuple


class ToolCode(NamedTuple):
    """A code of the tool: `page` is what `bn-lint rule CODE` shows; `severity` is `error` or `warning`."""

    code: str
    name: str
    page: str
    severity: str = "error"


UNUSED_SUPPRESSION = ToolCode(
    "BN900",
    "unused-suppression",
    """A comment silences a rule that finds nothing there.

It is a warning, for the files that are found in directories; when single files are checked, what they need to be
judged may be missing. It can be ignored like a rule (`ignore = ["BN900"]`). A comment for a rule that is off is left
alone, and so is everything in a `noqa` comment that is not a code or a name of a rule.""",
    "warning",
)
UNREADABLE_FILE = ToolCode(
    "BN901",
    "unreadable-file",
    """A file or directory cannot be read or decoded.

The file is not checked, and the exit code is 2. Files are decoded by their byte order mark, by their encoding
declaration (`# -*- coding: latin-1 -*-`), and otherwise as UTF-8, as Python does.""",
)
SYNTAX_ERROR = ToolCode(
    "BN902",
    "syntax-error",
    """A file is not valid Python.

Nothing else is reported for this file; the other files are checked. The exit code is 1.""",
)
ANALYSIS_INCOMPLETE = ToolCode(
    "BN903",
    "analysis-incomplete",
    """A file was not judged completely.

Either the program is too large to follow within the limits of the analysis (shown with `-v`, the exit code does not
change), or bn-lint has a defect (always shown, the exit code is 2; `--debug` prints the traceback).""",
)

TOOL_CODES = {entry.code: entry for entry in (UNUSED_SUPPRESSION, UNREADABLE_FILE, SYNTAX_ERROR, ANALYSIS_INCOMPLETE)}
