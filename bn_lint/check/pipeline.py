"""The pipeline: files -> units -> outcomes -> report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bn_lint.check.registry import RuleSet
from bn_lint.check.report import Report
from bn_lint.errors import SourceError
from bn_lint.project.config import Configuration, Settings
from bn_lint.project.discovery import File
from bn_lint.project.paths import parts
from bn_lint.project.prefilter import deserves_judging, may_hold_directives
from bn_lint.project.source import Source, from_bytes, read
from bn_lint.project.tool_codes import UNREADABLE_FILE

if TYPE_CHECKING:
    from bn_lint.check.cache import Cache
    from bn_lint.check.incremental import Progress
    from bn_lint.check.outcome import Outcome


class _Given(NamedTuple):
    """A file that could be read; `source` is its text when it deserves judging."""

    file: File
    data: bytes
    source: Source | None


def check(
    files: Sequence[File],
    configuration: Configuration,
    *,
    unreadable: Iterable[tuple[str, str]] = (),
    cache: Callable[[RuleSet], Cache] | None = None,
    jobs: int | None = 0,
    progress: Progress | None = None,
    coverage: bool = True,
    together: bool = False,
    copies: bool = False,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Report:
    """Check files and report what was found in them.

    Args:
        files: What to check. Of those that are context, and of other files that imports lead to, nothing is reported
            that has nothing to do with the rest.
        unreadable: Directories that could not be searched, with the reason.
        cache: Gives the place of earlier results of these rules, should any be needed; None judges everything again.
        jobs: How many processes to use; None lets the amount of work decide, and 0 is this one, without limits.
        progress: Told how many units are judged, of how many.
        coverage: Whether the report is to say which layers were not judged.
        together: The files are one unit, as somebody knows already, who looks at the one that is no context. This
            process judges them, without a cache; the coverage has what the tensors and modules of that file are.
        copies: Whether processes may be copies of this one: it does nothing but check files.
        is_wanted: Whether the report is still wanted of files that are one unit, as far as is known by then.

    Raises:
        Cancelled: it is not.
        ConfigError: a configuration file that applies to one of the files, or a setting, is wrong.
        UsageError: an option names a rule that does not exist.
    """
    # By which way a layer is reached first follows their order.
    files = sorted(files, key=lambda file: parts(file.name))
    report = Report(files=sum(not file.is_context for file in files))
    for name, reason in unreadable:
        _note_unreadable(report, name, f"{name} cannot be read: {reason}.")
    settings = {file.display: configuration.settings_for(file.name) for file in files}
    distinct = list({id(each): each for each in settings.values()}.values())
    report.rules = RuleSet.of(distinct)
    if report.rules.packages or configuration.has_selectors or any(each.has_selectors for each in distinct):
        report.rules.check_selectors(configuration, distinct)
    given = list(_read(files, report))
    judged = [each.source for each in given if each.source is not None]
    texts = {file.name: file.data for file in files if file.data is not None}
    if judged and together:
        outcome = _judged_together(given, settings, report.rules, texts, coverage=coverage, is_wanted=is_wanted)
        _screen(given, settings, [outcome], report)
    elif judged:
        from bn_lint.check.incremental import IncrementalChecker

        others = [(each.file, each.data) for each in given if each.source is None]
        entries = cache and cache(report.rules)
        judging = IncrementalChecker(
            settings, report.rules, entries, jobs, progress, coverage=coverage, texts=texts, copies=copies
        )
        wanted = {each.file.path for each in given if not each.file.is_context}
        outcomes = judging.outcomes(judged, others, wanted if len(wanted) < len(given) else None)
        _screen(given, settings, outcomes, report)
    elif any(may_hold_directives(each.data) for each in given):
        _screen(given, settings, [], report)
    if any(finding.fix is not None for finding in report.findings):
        from bn_lint.check.fix import offered

        report.findings = [offered(finding, report.sources) for finding in report.findings]
    report.problems.sort(key=lambda problem: (problem.place.path, problem.place.line, problem.place.column))
    return report


def _judged_together(
    given: Sequence[_Given],
    settings: Mapping[str, Settings],
    rules: RuleSet,
    texts: Mapping[str, bytes],
    *,
    coverage: bool,
    is_wanted: Callable[[], bool],
) -> Outcome:
    """What is found in files that are one unit."""
    from bn_lint.check.judge import judge
    from bn_lint.project.filesystem import FileSystem, RecordingFileSystem
    from bn_lint.project.partition import Unit
    from bn_lint.rule import Thresholds

    context = []
    for each in given:
        if each.source is None:
            try:
                context.append(from_bytes(each.data, each.file.name, each.file.display))
            except SourceError:
                continue
    unit = Unit(tuple(each.source for each in given if each.source is not None), tuple(context))
    thresholds = {source.display: Thresholds(settings[source.display].min_batch_size) for source in unit.files}
    filesystem = RecordingFileSystem(FileSystem(texts))
    shown = next((each.file.path for each in given if not each.file.is_context), None)
    return judge(
        unit, thresholds, rules=rules, filesystem=filesystem, coverage=coverage, shown=shown, is_wanted=is_wanted
    )


def _read(files: Sequence[File], report: Report) -> Iterator[_Given]:
    for file in files:
        try:
            data = read(file.name, file.display) if file.data is None else file.data
            source = from_bytes(data, file.name, file.display) if deserves_judging(data) else None
        except SourceError as error:
            if file.is_context:
                continue
            if isinstance(error.__cause__, FileNotFoundError) and not file.explicit:
                report.files -= 1  # it vanished since it was listed: nothing is left to check
            else:
                _note_unreadable(report, file.display, error.message, error.line, error.column)
        else:
            report.sources.add(file.display, file.name, data, is_context=file.is_context)
            yield _Given(file, data, source)


def _screen(
    given: Sequence[_Given],
    settings: dict[str, Settings],
    outcomes: Sequence[Outcome],
    report: Report,
) -> None:
    from bn_lint.check.filtering import FilteredFile, filter_findings

    files = []
    for each in given:
        display = each.file.display
        # Without BatchNorm nothing is found that a comment for linters in general could silence.
        mentioned = may_hold_directives(each.data, noqa=each.source is not None)
        source = (each.source or report.sources.get(display)) if mentioned else None
        file = each.file
        files.append(FilteredFile(file.path, display, settings[display], source, file.is_alone, file.is_context))
    filter_findings(files, outcomes, report)


def _note_unreadable(report: Report, path: str, message: str, line: int = 1, column: int = 1) -> None:
    from bn_lint.facts import Place, Problem

    report.problems.append(Problem(UNREADABLE_FILE.code, message, Place(path, line, column, line, column)))
