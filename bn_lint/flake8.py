"""The plugin that flake8 finds when both are installed: the findings of bn-lint, file by file."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence

from bn_lint import __version__


class Plugin:
    """Judges one file with the settings of bn-lint; flake8 adds its own selection and its `# noqa`."""

    name = "bn-lint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self.filename = filename
        self.lines = lines

    def run(self) -> Iterator[tuple[int, int, str, type]]:
        """Yield line, 0-based column, code and message, and the plugin itself."""
        from bn_lint.check.pipeline import check
        from bn_lint.output.text import printable
        from bn_lint.project.config import Configuration
        from bn_lint.project.discovery import File
        from bn_lint.project.paths import display_path
        from bn_lint.project.source import encoded

        path = os.path.abspath(self.filename)
        configuration = Configuration()
        if configuration.settings_for(path).excludes(path):
            return
        # flake8 has decoded the file.
        display = display_path(path)
        data = encoded("".join(self.lines), display)
        report = check([File(path, display, explicit=True, data=data)], configuration)
        for finding in report.visible:
            message = printable(f"{finding.code} {finding.message}")
            yield finding.place.line, finding.place.column - 1, message, type(self)
        for problem in report.failures:
            message = printable(f"{problem.code} {problem.message}")
            yield problem.place.line, problem.place.column - 1, message, type(self)
