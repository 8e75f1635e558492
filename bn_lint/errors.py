"""What can go wrong outside the judged code: each error is one full sentence for the user.

All of them survive pickling, because worker processes send them back.
"""

from __future__ import annotations


class BnLintError(Exception):
    """Anything bn-lint refuses or fails to do. The command ends with exit code 2."""

    @property
    def message(self) -> str:
        return str(self.args[0])

    def __str__(self) -> str:
        return self.message


class UsageError(BnLintError):
    """The command line asks for something that does not exist or does not fit together."""


class ConfigError(BnLintError):
    """A configuration file or a `--config` setting is wrong."""


class PathError(BnLintError):
    """A path given on the command line cannot be checked."""


class SourceError(BnLintError):
    """A source file cannot be read or decoded; `line` and `column` (1-based) say where."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message, line, column)
        self.line = line
        self.column = column
