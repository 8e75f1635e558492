"""Findings that are known: a run reports only what is not among them.

An entry names a rule, a file, and the code that the finding points at, so it is found again when lines move. Of several
findings that are alike in all three, as many are known as there are entries.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bn_lint.check.fingerprint import text_of
from bn_lint.check.report import Report
from bn_lint.errors import ConfigError, PathError
from bn_lint.project.paths import absolute, display_path
from bn_lint.project.source import Sources, read_regular
from bn_lint.project.tool_codes import TOOL_CODES
from bn_lint.project.writing import ChangedError, write
from bn_lint.rule import Finding

_VERSION = 1
_HINT = "Write it with --update-baseline."


@dataclass(frozen=True, order=True)
class Entry:
    """One known finding; `path` is relative to the folder of the baseline, with forward slashes."""

    path: str
    code: str
    name: str
    text: str


#: Whether a rule (named by the entry) judged a file.
Judged = Callable[[Path, Entry], bool]


class Baseline:
    """The entries of one file."""

    def __init__(self, file: Path, entries: Iterable[Entry] = (), data: bytes | None = None) -> None:
        """Set up.

        Args:
            data: What was read from the file.
        """
        self.file = file
        self.entries = Counter(entries)
        self._data = data

    @classmethod
    def read(cls, file: Path) -> Baseline:
        """Read a baseline.

        Raises:
            ConfigError: it does not exist, cannot be read, or is none.
        """
        shown = display_path(file)
        try:
            data = read_regular(file)
            document = json.loads(data)
        except FileNotFoundError:
            raise ConfigError(f"The baseline {shown} does not exist. {_HINT}") from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigError(f"The baseline {shown} cannot be read: {reason}.") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"The baseline {shown} is not valid JSON: {error}.") from error
        try:
            return cls(file, _entries(document), data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{shown} is no baseline that this version of bn-lint reads. {_HINT}") from error

    def apply(self, report: Report) -> Counter[Entry]:
        """Mark the findings that are known as suppressed; returns the entries that were not needed."""
        left = Counter(self.entries)
        findings = []
        for finding in report.findings:
            entry = self._entry(finding, report.sources)
            if not finding.suppressed and finding.code not in TOOL_CODES and left[entry] > 0:
                left[entry] -= 1
                findings.append(replace(finding, suppressed=True))
            else:
                findings.append(finding)
        report.findings = findings
        return +left

    def renewed(self, report: Report, judged: Judged) -> Baseline:
        """A baseline of what the report shows, and of what it could not show because it was not judged."""
        kept = Counter(entry for entry in self.entries.elements() if not self._is_over(entry, judged))
        shown = Counter(self._entry(each, report.sources) for each in report.visible if each.code not in TOOL_CODES)
        # Of a file around the given ones, some of the findings are shown, and may be known.
        return Baseline(self.file, (kept | shown).elements(), self._data)

    def stale(self, left: Counter[Entry], judged: Judged) -> list[Entry]:
        """Of the entries that were not needed, those that were judged, or whose file is gone."""
        return sorted(entry for entry in left.elements() if self._is_over(entry, judged))

    def _is_over(self, entry: Entry, judged: Judged) -> bool:
        path = absolute(self.file.parent / entry.path)
        return judged(path, entry) or not os.path.exists(path)

    def write(self) -> None:
        """Write the file.

        Raises:
            PathError: it cannot be written, or is not what was read.
        """
        shown = display_path(self.file)
        try:
            write(self.file, self.text().encode("utf-8", "backslashreplace"), expected=self._data)
        except ChangedError:
            raise PathError(f"{shown} changed while it was renewed; it was left as it is.") from None
        except OSError as error:
            raise PathError(f"{shown} cannot be written: {(error.strerror or str(error)).lower()}.") from error

    def text(self) -> str:
        """The content of the file: sorted, one line a finding, so that changes are easy to review."""
        files: dict[str, list[str]] = {}
        for entry in sorted(self.entries.elements()):
            line = json.dumps({"code": entry.code, "name": entry.name, "text": entry.text}, ensure_ascii=False)
            files.setdefault(entry.path, []).append(f"      {line}")
        blocks = [
            f"    {json.dumps(path, ensure_ascii=False)}: [\n" + ",\n".join(lines) + "\n    ]"
            for path, lines in files.items()
        ]
        inside = "{\n" + ",\n".join(blocks) + "\n  }" if blocks else "{}"
        return f'{{\n  "version": {_VERSION},\n  "files": {inside}\n}}\n'

    def _entry(self, finding: Finding, sources: Sources) -> Entry:
        path = self._relative(absolute(finding.place.path))
        return Entry(path, finding.code, finding.name, text_of(finding, sources))

    def _relative(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self.file.parent)).as_posix()
        except ValueError:  # Windows: another drive has no relative path
            return path.as_posix()


def _entries(document: Any) -> list[Entry]:
    if document["version"] != _VERSION:
        raise KeyError(document["version"])
    return [
        Entry(path, each["code"] + "", each["name"] + "", each["text"] + "")
        for path, entries in document["files"].items()
        for each in entries
    ]
