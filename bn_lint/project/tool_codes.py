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

It is a warning, for the files that are found in directories; when single files are checked, the one that makes
the comment necessary may be missing. It can be ignored like a rule (`ignore = ["BN900"]`). A comment for a rule that is
off is left alone, and so is everything in a `noqa` comment that is not a code or a name of a rule.""",
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

The exit code is 1. The rest of the file is checked as far as it can be understood, and so are the other files, but
`--fix` does not change a file that is not valid Python.

Spellings of Python 2 and of early Python 3 are understood: `cuda(async=True)`, `print "x"`, `exec "x"`,
`raise E, "x"`, `<>`, backticks, `0777`, `10L` and `ur"x"`. Of anything else that is not valid, the statement at the
left margin that holds it (a class, a function, a loop) is left out, and so are the classes and functions of the file
that it uses: nobody knows how it would use them. The finding names the lines.""",
)
ANALYSIS_INCOMPLETE = ToolCode(
    "BN903",
    "analysis-incomplete",
    """A file was not checked completely.

Either the program is too large to follow within the limits of the analysis (shown with `-v`, the exit code does not
change), or bn-lint has a defect (always shown, the exit code is 2; `--debug` prints the traceback).""",
)

TOOL_CODES = {entry.code: entry for entry in (UNUSED_SUPPRESSION, UNREADABLE_FILE, SYNTAX_ERROR, ANALYSIS_INCOMPLETE)}
