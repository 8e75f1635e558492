"""Why something at a line was judged, or was not: what `bn-lint check --explain FILE:LINE` tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.check.filtering import FilteredFile, filter_findings
from bn_lint.check.judge import judge_facts, texts_of
from bn_lint.check.outcome import Outcome
from bn_lint.check.registry import RuleSet
from bn_lint.check.report import Report
from bn_lint.errors import SourceError, UsageError
from bn_lint.facts import Place, Problem
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File
from bn_lint.project.edits import NEWLINE
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.partition import Unit, divide
from bn_lint.project.paths import absolute, display_path, parts
from bn_lint.project.prefilter import deserves_judging
from bn_lint.project.source import Source, from_bytes, read
from bn_lint.project.tool_codes import SYNTAX_ERROR
from bn_lint.rule import Finding, Thresholds
from bn_lint.static.explain import Subject, explain

#: Of the other lines that could be asked about, so many are named.
_MOST_NEAR = 3

#: A line as reports name it, with or without the column: `model.py:12:9`, `train.ipynb:cell 3:1`.
_PLACE = re.compile(r"(?P<name>.+?)(?::cell (?P<cell>\d+))?:(?P<line>[1-9]\d*)(?::\d+)?")


@dataclass(frozen=True)
class Explanation:
    """What is known about one line.

    Attributes:
        place: The line that was asked about.
        subjects: What stands there, and what became of it.
        report: The findings there that the user would see.
        off: The findings there of rules that are off, or that a comment silences.
        elsewhere: The findings in other lines that this line is evidence for.
        problems: What kept the file from being judged completely.
    """

    place: Place
    subjects: Sequence[Subject]
    report: Report
    off: Sequence[Finding]
    elsewhere: Sequence[Finding]
    problems: Sequence[Problem]


def explain_line(wanted: str, files: Sequence[File], configuration: Configuration) -> Explanation:
    """Tell what became of a line.

    Args:
        wanted: `FILE:LINE`, or `FILE:cell NUMBER:LINE` in a notebook; the file need not be among the given ones.
        files: The files that a check would judge. Only those that have to do with FILE are looked at.

    Raises:
        UsageError: there is no such place, or nothing in that line has to do with BatchNorm.
        SourceError: the file cannot be read.
        ConfigError: a configuration file that applies is wrong.
    """
    name, cell, line_in_cell = _parsed(wanted)
    path = absolute(name)
    if all(file.path != path for file in files):
        files = [*files, File(str(path), display_path(path), explicit=True)]
    files = sorted(files, key=lambda file: parts(file.name))  # as a check does: what is run first decides what is told
    report = Report(files=1)
    unit, own = _unit_of(path, files, report)
    line = _line_of(wanted, own, cell, line_in_cell)
    settings = {source.display: configuration.settings_for(source.path) for source in unit.files}
    report.rules = RuleSet.of(settings.values())
    report.rules.check_selectors(configuration, settings.values())
    thresholds = {display: Thresholds(each.min_batch_size) for display, each in settings.items()}
    context = [source.path for source in unit.context]
    analysis, subjects = explain(unit.sources, context, RecordingFileSystem(), path)
    outcome = judge_facts(analysis, report.rules.rules, thresholds, texts=texts_of(unit), paths={own.display})
    found = [finding for finding in outcome.findings if _covers(finding, line)]
    here = [subject for subject in subjects if _covers(subject, line)]
    elsewhere = [
        finding
        for finding in outcome.findings
        if finding not in found and any((e.place.path, e.place.line) == (own.display, line) for e in finding.evidence)
    ]
    if not here and not found and not elsewhere:
        raise UsageError(f"--explain {wanted}: {_nothing_here(own, line, subjects, outcome)}")
    file = FilteredFile(own.path, own.display, settings[own.display], own)
    filter_findings([file], [Outcome(findings=[*found, *elsewhere])], report)
    visible, codes = report.visible, {finding.code for finding in report.visible if _covers(finding, line)}
    report.findings = [finding for finding in visible if _covers(finding, line)]
    return Explanation(
        Place(own.display, line, 1, line, 1),
        here,
        report,
        [finding for finding in found if finding.code not in codes],
        [finding for finding in visible if not _covers(finding, line)],
        [problem for problem in outcome.problems if problem.place.path == own.display],
    )


def _parsed(wanted: str) -> tuple[str, int | None, int]:
    """The file, the cell of a notebook, and the line."""
    found = _PLACE.fullmatch(wanted)
    if found is None:
        raise UsageError(f"--explain takes FILE:LINE, such as model.py:12, and not {wanted}.")
    if not Path(found["name"]).is_file():
        raise UsageError(f"--explain {wanted}: there is no file {found['name']}.")
    return found["name"], None if found["cell"] is None else int(found["cell"]), int(found["line"])


def _line_of(wanted: str, own: Source, cell: int | None, line: int) -> int:
    """The line of the judged text."""
    if cell not in own.parts:
        if cell is None:
            raise UsageError(f"--explain {wanted}: lines of notebooks count by cell: {own.display}:cell 1:{line}.")
        raise UsageError(f"--explain {wanted}: {own.display} has no code in cell {cell}.")
    lines = NEWLINE.split(own.parts[cell])
    count = len(lines) - (not lines[-1])
    if line > count:
        raise UsageError(f"--explain {wanted}: {Place(own.display, 1, 1, 1, 1, cell).file} has {count} lines.")
    return own.line_in(cell, line)


def _unit_of(path: Path, files: Sequence[File], report: Report) -> tuple[Unit, Source]:
    """The files that are judged together with one of them, and its source."""
    judged: list[Source] = []
    others: list[Source] = []
    own: Source | None = None
    for file in files:
        try:
            data = read(file.name, file.display) if file.data is None else file.data
            source = from_bytes(data, file.name, file.display)
        except SourceError:
            if file.path == path:
                raise
            continue  # it says nothing about the others
        report.sources.add(file.display, file.name, data)
        (judged if deserves_judging(data) else others).append(source)
        own = source if file.path == path else own
    assert own is not None
    for unit in divide(judged, others, RecordingFileSystem()):
        if own in unit.files:
            return unit, own
    raise UsageError(f"{own.display} has nothing to do with BatchNorm: nothing in it is checked.")


def _covers(thing: Subject | Finding, line: int) -> bool:
    return thing.place.line <= line <= max(thing.place.line, thing.place.end_line)


def _nothing_here(own: Source, line: int, subjects: Sequence[Subject], outcome: Outcome) -> str:
    for finding in outcome.findings:
        if finding.code == SYNTAX_ERROR.code:
            place = own.located(finding.place)
            where = f"line {place.line}" if place.cell is None else _line_name(place)
            return f"{own.display} is not valid Python: {finding.message} ({where})."
    at = {subject.place.line: subject for subject in reversed(subjects)}
    near = sorted(sorted(at, key=lambda each: (abs(each - line), each))[:_MOST_NEAR])
    if not near:
        return "nothing in this file has to do with BatchNorm."
    listed = ", ".join(f"{_line_name(own.located(at[each].place))} (`{at[each].text}`)" for each in near)
    return f"nothing in this line has to do with BatchNorm; the nearest lines that do: {listed}."


def _line_name(place: Place) -> str:
    """A line without its file: `12`, `cell 3:1`."""
    return str(place.line) if place.cell is None else f"cell {place.cell}:{place.line}"
