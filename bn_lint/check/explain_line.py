"""Why something at a line was judged, or was not: what `bn-lint check --explain FILE:LINE` tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_lint.check.filtering import FilteredFile, filter_findings
from bn_lint.check.judge import judge_facts, texts_of
from bn_lint.check.outcome import Outcome
from bn_lint.check.registry import RuleSet
from bn_lint.check.report import Report
from bn_lint.errors import SourceError, UsageError
from bn_lint.facts import Problem
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.partition import Unit, divide
from bn_lint.project.prefilter import deserves_judging
from bn_lint.project.source import Source, absolute, display_path, from_bytes, read
from bn_lint.project.tool_codes import SYNTAX_ERROR
from bn_lint.rule import Finding, Thresholds
from bn_lint.static.explain import Subject, explain

#: Of the other lines that could be asked about, so many are named.
_MOST_NEAR = 3


@dataclass(frozen=True)
class Explanation:
    """What is known about one line.

    Attributes:
        subjects: What stands there, and what became of it.
        report: The findings there that the user would see.
        off: The findings there of rules that are off, or that a comment silences.
        elsewhere: The findings in other lines that this line is evidence for.
        problems: What kept the file from being judged completely.
    """

    path: str
    line: int
    subjects: Sequence[Subject]
    report: Report
    off: Sequence[Finding]
    elsewhere: Sequence[Finding]
    problems: Sequence[Problem]


def explain_line(wanted: str, files: Sequence[File], configuration: Configuration) -> Explanation:
    """Tell what became of a line.

    Args:
        wanted: `FILE:LINE`; the file need not be among the given ones.
        files: The files that a check would judge. Only those that have to do with FILE are looked at.

    Raises:
        UsageError: there is no such place, or nothing in that line has to do with BatchNorm.
        SourceError: the file cannot be read.
        ConfigError: a configuration file that applies is wrong.
    """
    name, line = _parsed(wanted)
    path = absolute(name)
    if all(file.path != path for file in files):
        files = [*files, File(path, display_path(path), explicit=True)]
    report = Report(files=1)
    unit, own = _unit_of(path, files, report)
    lines = len(own.lines) - (not own.lines[-1])
    if line > lines:
        raise UsageError(f"--explain {wanted}: {own.display} has {lines} lines.")
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
        own.display,
        line,
        here,
        report,
        [finding for finding in found if finding.code not in codes],
        [finding for finding in visible if not _covers(finding, line)],
        [problem for problem in outcome.problems if problem.place.path == own.display],
    )


def _parsed(wanted: str) -> tuple[str, int]:
    name, colon, number = wanted.rpartition(":")
    if not colon or not name or not number.isdecimal() or int(number) < 1:
        raise UsageError(f"--explain takes FILE:LINE, such as model.py:12, and not {wanted}.")
    if not Path(name).is_file():
        raise UsageError(f"--explain {wanted}: there is no file {name}.")
    if name.endswith(".ipynb"):
        raise UsageError(f"--explain {wanted}: notebooks have cells, and cannot be asked about by line.")
    return name, int(number)


def _unit_of(path: Path, files: Sequence[File], report: Report) -> tuple[Unit, Source]:
    """The files that are judged together with one of them, and its source."""
    judged: list[Source] = []
    others: list[Source] = []
    own: Source | None = None
    for file in files:
        try:
            data = read(file.path, file.display) if file.data is None else file.data
            source = from_bytes(data, file.path, file.display)
        except SourceError:
            if file.path == path:
                raise
            continue  # it says nothing about the others
        report.sources.add(file.display, file.path, data)
        (judged if deserves_judging(data) else others).append(source)
        own = source if file.path == path else own
    assert own is not None
    for unit in divide(judged, others, RecordingFileSystem()):
        if own in unit.files:
            return unit, own
    raise UsageError(f"{own.display} has nothing to do with BatchNorm: nothing in it is judged.")


def _covers(thing: Subject | Finding, line: int) -> bool:
    return thing.place.line <= line <= max(thing.place.line, thing.place.end_line)


def _nothing_here(own: Source, line: int, subjects: Sequence[Subject], outcome: Outcome) -> str:
    for finding in outcome.findings:
        if finding.code == SYNTAX_ERROR.code:
            return f"{own.display} is not valid Python: {finding.message} (line {finding.place.line})."
    near = sorted({subject.place.line for subject in subjects}, key=lambda each: (abs(each - line), each))[:_MOST_NEAR]
    if not near:
        return "nothing in this file has to do with BatchNorm."
    text = {subject.place.line: subject.text for subject in reversed(subjects)}
    listed = ", ".join(f"{each} (`{text[each]}`)" for each in sorted(near))
    return f"nothing in this line has to do with BatchNorm; the nearest lines that do: {listed}."
