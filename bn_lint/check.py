"""The pipeline: files -> sources -> facts -> findings -> report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bn_lint.config import Configuration, Settings
from bn_lint.errors import SourceError
from bn_lint.files import File
from bn_lint.prefilter import deserves_judging
from bn_lint.report import Report
from bn_lint.source import Source, from_bytes, read
from bn_lint.tool_codes import UNREADABLE_FILE


def check(files: Sequence[File], configuration: Configuration, *, unreadable: Iterable[tuple[str, str]] = ()) -> Report:
    """Check files and report what was found in them.

    Args:
        files: What to check; other files of the project are read for context, but nothing is reported for them.
        unreadable: Directories that could not be searched, with the reason.

    Raises:
        ConfigError: a configuration file that applies to one of the files, or a setting, is wrong.
        UsageError: an option names a rule that does not exist.
    """
    report = Report(files=len(files))
    for name, reason in unreadable:
        _note_unreadable(report, name, f"{name} cannot be read: {reason}.")
    settings = {file.display: configuration.settings_for(file.path) for file in files}
    if configuration.has_selectors or any(each.has_selectors for each in settings.values()):
        _check_selectors(configuration, settings.values())
    judged = list(_worth_judging(files, report))
    if judged:
        from bn_lint.judge import judge

        known = {source.path for source in judged}
        judge(judged, settings, report, [file.path for file in files if file.path not in known])
    report.problems.sort(key=lambda problem: (problem.place.path, problem.place.line, problem.place.column))
    return report


def _check_selectors(configuration: Configuration, settings: Iterable[Settings]) -> None:
    from bn_lint.registry import load_rules

    rules = load_rules()
    configuration.check_command_line(rules)
    for each in {id(each): each for each in settings}.values():
        each.check_selectors(rules)


def _worth_judging(files: Sequence[File], report: Report) -> Iterator[Source]:
    for file in files:
        source = _load(file, report)
        if source is not None:
            yield source


def _load(file: File, report: Report) -> Source | None:
    """The file as text when it is worth judging."""
    try:
        data = read(file.path, file.display) if file.data is None else file.data
        return from_bytes(data, file.path, file.display) if deserves_judging(data) else None
    except SourceError as error:
        if isinstance(error.__cause__, FileNotFoundError) and not file.explicit:
            report.files -= 1  # it vanished since it was listed: nothing is left to check
        else:
            _note_unreadable(report, file.display, error.message, error.line, error.column)
        return None


def _note_unreadable(report: Report, path: str, message: str, line: int = 1, column: int = 1) -> None:
    from bn_lint.facts import Place, Problem

    report.problems.append(Problem(UNREADABLE_FILE.code, message, Place(path, line, column, line, column)))
