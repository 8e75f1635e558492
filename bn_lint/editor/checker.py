"""Checks open documents with the project around them: open texts first, then the disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bn_lint.check.pipeline import check
from bn_lint.check.report import Report
from bn_lint.editor import hints
from bn_lint.editor.moving import Edit, Move, is_whole, reflowed
from bn_lint.editor.open_documents import Judged, Open, Part
from bn_lint.errors import ConfigError, SourceError
from bn_lint.project import module_finder
from bn_lint.project.config import Configuration, Settings
from bn_lint.project.discovery import File
from bn_lint.project.edits import Text
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.notebook import notebook
from bn_lint.project.partition import Neighborhood, around
from bn_lint.project.paths import display_path
from bn_lint.project.prefilter import deserves_judging
from bn_lint.project.selectors import SelectorSet
from bn_lint.project.source import Source, encoded, from_bytes, read
from bn_lint.project.tool_codes import SYNTAX_ERROR
from bn_lint.project.whole import with_projects

#: A file that is connected with more characters than these is judged with the nearest files only: editors cannot wait.
LARGEST = 300_000
#: How many characters it has then, and the nearest files.
NEAREST = 50_000


_CAPITAL = re.compile("[A-Z]")


@dataclass(frozen=True)
class ClientSettings:
    """What the settings of the editor say: the options of `bn-lint check` with the same names, and what is its own.

    Attributes:
        project: Check files with the project around them.
        inlay_hints: What these are about, of `hints.KINDS`.
    """

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    project: bool = True
    inlay_hints: tuple[str, ...] = hints.USUAL

    @classmethod
    def of(cls, given: object) -> ClientSettings:
        """Settings as a client sends them, alone or under the name of the server.

        Raises:
            ConfigError: they are none.
        """
        table = given.get("bn-lint", given) if isinstance(given, dict) else given
        if table is None:
            return cls()
        if not isinstance(table, dict):
            raise ConfigError("The settings of the editor must be an object.")
        values: dict[str, Any] = {}
        for key, value in table.items():
            name = _CAPITAL.sub(r"_\g<0>", key).replace("-", "_").lower()
            if name not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__).replace("_", "-")
                raise ConfigError(f'The settings of the editor: unknown key "{key}"; known keys are {known}.')
            is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
            if not (isinstance(value, bool) if name == "project" else is_list):
                wanted = "true or false" if name == "project" else "a list of strings"
                raise ConfigError(f'The settings of the editor: "{key}" must be {wanted}.')
            unknown = set(value) - set(hints.KINDS) if name == "inlay_hints" else None
            if unknown:
                known = ", ".join(hints.KINDS)
                raise ConfigError(f'The settings of the editor: "{key}" can have {known}, not "{min(unknown)}".')
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    def configuration(self) -> Configuration:
        selectors = SelectorSet(self.select, self.extend_select, self.ignore)
        return Configuration(command_line=selectors, config=self.config)


class Checker:
    """Judges documents one at a time; what it knows of the disk is thrown away when that changes."""

    def __init__(self) -> None:
        self.settings = ClientSettings()
        #: Of each open file: the text that was judged last.
        self.texts: dict[Path, bytes] = {}
        #: Counts what may have changed besides open texts.
        self._generation = 0
        #: The files that are judged together with one.
        self._units: dict[Path, Neighborhood] = {}
        #: What each of them imported when that was worked out.
        self._imports: dict[Path, frozenset[tuple[str, int]]] = {}

    def forget(self) -> None:
        """Something has changed on the disk, or in the settings."""
        self._generation += 1
        self._units.clear()

    def close(self, path: Path) -> None:
        """A file is open no more: what the disk has of it counts again."""
        if self.texts.pop(path, None) is not None:
            self.forget()

    def users(self, path: Path) -> set[Path]:
        """The files whose findings depend on this one."""
        return {user for user, unit in self._units.items() if path in unit.files and user != path}

    def file(
        self, path: Path, file: Open, known: Judged | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> Judged:
        """Judge an open text as the content of its file, unless what was found before only moves.

        Raises:
            BnLintError: the configuration is wrong.
            Cancelled: the result is not wanted any more.
        """
        display, text = display_path(path), Text(file.text)
        data = encoded(file.text, display)
        configuration = self.settings.configuration()
        settings = configuration.settings_for(path)
        if known is not None:
            origin = known.origin or known
            if not is_whole(file.text):
                moved = _moved(known, Edit(known.text, text), origin, file, data, path)
                moved.report.findings = [replace(finding, fix=None) for finding in moved.report.findings]
                return moved
            move = reflowed(origin.text.text, file.text) if origin.stamp == self._stamp(path, settings) else None
            if move is not None:
                moved = _moved(origin, move, origin, file, data, path)
                if len(moved.report.findings) == len(origin.report.findings):
                    return moved
        if self.texts.get(path) != data and is_whole(file.text):
            self.texts[path] = data
        part = Part(file.uri, file.version, text)
        report = self._report(path, display, data, configuration, is_wanted)
        return Judged(display, text, report, (part,), self._stamp(path, settings))

    def notebook(self, path: Path, cells: Sequence[Open], is_wanted: Callable[[], bool] = lambda: True) -> Judged:
        """Judge the open cells of a notebook, all of them in their order, as the content of its file.

        Raises:
            BnLintError: the configuration is wrong.
            Cancelled: the result is not wanted any more.
        """
        if path.suffix != ".ipynb":  # one without a file yet, or one that is kept as a script
            path = path.with_name(f"{path.name}.ipynb")
        display = display_path(path)
        document = json.dumps(
            {"cells": [{"cell_type": "code" if cell.is_code else "markdown", "source": cell.text} for cell in cells]}
        )
        source = notebook(document, path, display)
        known = {cell.number: cell for cell in source.cells}
        parts, start = [], 0
        for number, cell in enumerate(cells, 1):
            if number in known:
                start = known[number].start
            if cell.is_code:
                parts.append(Part(cell.uri, cell.version, Text(cell.text), start))
        report = self._report(path, display, document.encode(), self.settings.configuration(), is_wanted)
        return Judged(display, Text(source.text), report, tuple(parts))

    def _stamp(self, path: Path, settings: Settings) -> object:
        unit = self._units.get(path, Neighborhood())
        return self._generation, settings, tuple((one, hash(self.texts.get(one))) for one in unit.files if one != path)

    def _report(
        self, path: Path, display: str, data: bytes, configuration: Configuration, is_wanted: Callable[[], bool]
    ) -> Report:
        if configuration.settings_for(path).excludes(path):
            self._units.pop(path, None)
            return Report()
        around = list(self._around(path, data, configuration))
        is_whole = path in self._units and self._units[path].is_whole
        given = File(str(path), display, explicit=True, data=data, in_project=is_whole)
        report = check([given, *around], configuration, together=True, is_wanted=is_wanted)
        # Every editor reports syntax errors, and half-typed code is full of them.
        report.findings = [finding for finding in report.findings if finding.code != SYNTAX_ERROR.code]
        return report

    def _around(self, path: Path, data: bytes, configuration: Configuration) -> Iterator[File]:
        if not self.settings.project:
            return
        imports = frozenset(module_finder.imports(data.decode(errors="replace")))
        if path not in self._units or self._imports.get(path) != imports:
            self._imports[path] = imports
            self._units[path] = _unit(File(str(path), display_path(path), True, data), self.texts, configuration)
        for other in self._units[path].files:
            if other != path:
                yield File(str(other), display_path(other), data=self.texts.get(other), is_context=True)


def _unit(given: File, texts: Mapping[Path, bytes], configuration: Configuration) -> Neighborhood:
    """The files that are judged together with one, as far as an editor can wait; none if it is in no project."""
    judged: list[Source] = []
    others: list[Source] = []
    files = with_projects([given], lambda path: configuration.settings_for(path).excludes(path))
    if not files[0].in_project:
        return Neighborhood()
    for file in files:
        data = given.data if file.path == given.path else texts.get(file.path)
        try:
            data = read(file.path, file.display) if data is None else data
            source = from_bytes(data, file.path, file.display)
        except SourceError:
            continue
        (judged if deserves_judging(data) else others).append(source)
    return around(given.path, judged, others, RecordingFileSystem(), most=LARGEST, near=NEAREST)


def _moved(known: Judged, move: Move, origin: Judged, file: Open, data: bytes, path: Path) -> Judged:
    """What was found in another version of a text, as far as it is still there."""
    moved = (move.finding(finding, known.display) for finding in known.report.findings)
    coverage = known.report.coverage
    if coverage is not None:
        coverage = replace(coverage, inventory=move.inventory(coverage.inventory, known.display))
    report = known.report.with_places([finding for finding in moved if finding is not None], coverage)
    report.sources = known.report.sources.with_text(known.display, str(path), data)
    text = Text(file.text)
    return Judged(known.display, text, report, (Part(file.uri, file.version, text),), origin.stamp, origin)
