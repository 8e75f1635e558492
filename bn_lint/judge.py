"""Sources -> facts -> findings: the part of a check that only files with BatchNorm need."""

from __future__ import annotations

import ast
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bn_lint.config import Configuration, Settings
from bn_lint.facts import Analysis, Fact, Place, Problem
from bn_lint.registry import load_rules
from bn_lint.report import Report
from bn_lint.rule import Finding, Rule, Severity, Thresholds
from bn_lint.select import covers
from bn_lint.source import Source, Sources, absolute
from bn_lint.suppress import mistakes_in, suppress
from bn_lint.tool_codes import ANALYSIS_INCOMPLETE, SYNTAX_ERROR

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def judge(
    sources: Sequence[Source], settings: Mapping[str, Settings], report: Report, context: Sequence[Path] = ()
) -> None:
    """Analyse the sources and add the findings and problems to the report.

    Args:
        settings: Of each source, by its displayed path.
        context: Other files that were given; they may use what the sources define.
    """
    rules = load_rules()
    report.sources = Sources(sources)
    analysis = _analyze(sources, context, report)
    report.coverage = analysis.coverage
    report.tracebacks.extend(analysis.tracebacks)
    found: dict[str, list[Finding]] = {source.display: [] for source in sources}
    for finding in _findings(analysis, rules, settings, report):
        if finding.place.path in found:  # the engine also meets mistakes in files that were only read for context
            found[finding.place.path].append(finding)
    for source in sources:
        kept = _select(_distinct(found[source.display]), settings[source.display], source.path)
        report.findings.extend(suppress(kept, source))
        report.remarks.extend(f"{source.display}:{line}: {text}" for line, text in mistakes_in(source, rules))
    report.findings.sort(key=_order)


def judge_observed(analysis: Analysis, configuration: Configuration, report: Report) -> None:
    """Judge facts about a run: of whatever files they speak, and by the settings of each.

    Raises:
        ConfigError: a configuration file that applies is wrong.
        UsageError: a selector names a rule that does not exist.
    """
    rules = load_rules()
    configuration.check_command_line(rules)
    settings: dict[str, Settings] = {}
    for fact in analysis.facts:
        path = fact.place.path
        if path not in settings:
            settings[path] = configuration.settings_for(absolute(path))
            settings[path].check_selectors(rules)
    found: dict[str, list[Finding]] = {}
    for finding in _findings(analysis, rules, settings, report, origin="runtime"):
        found.setdefault(finding.place.path, []).append(finding)
    for path, findings in found.items():
        own = settings[path] if path in settings else configuration.settings_for(absolute(path))
        kept = _select(_distinct(findings), own, absolute(path))
        source = report.sources.get(path)
        report.findings.extend(kept if source is None else suppress(kept, source))
    report.findings.sort(key=_order)


def _analyze(sources: Sequence[Source], context: Sequence[Path], report: Report) -> Analysis:
    """Derive the facts; where the engine itself breaks, file by file, so that one file costs only itself."""
    from bn_lint.static.analyze import analyze

    try:
        return analyze(sources, context)
    except Exception as error:  # the engine is large, and no defect of it may cost the report
        if len(sources) == 1:
            report.tracebacks.append(traceback.format_exc())
            return Analysis(problems=[_defect("the analysis", error, sources[0].display)])
    whole = Analysis()
    for source in sources:
        part = _analyze([source], context, report)
        whole.facts += part.facts
        whole.problems += part.problems
        whole.coverage.judged += part.coverage.judged
        whole.coverage.undecided += part.coverage.undecided
    return whole


def _findings(
    analysis: Analysis,
    rules: Sequence[Rule],
    settings: Mapping[str, Settings],
    report: Report,
    origin: str = "static",
) -> Iterator[Finding]:
    for problem in analysis.problems:
        if problem.code == SYNTAX_ERROR.code:
            message, place = _in_words_of_python(problem, report.sources)
            yield Finding(problem.code, SYNTAX_ERROR.name, Severity.ERROR, message, place)
        else:
            report.problems.append(problem)
    judges: dict[type, list[Rule]] = {}
    for rule in rules:
        for kind in rule.judges:
            judges.setdefault(kind, []).append(rule)
    broken: set[tuple[str, str]] = set()
    for fact in analysis.facts:
        own = settings.get(fact.place.path)
        thresholds = Thresholds() if own is None else Thresholds(own.min_batch_size)
        for rule in judges.get(type(fact), ()):
            yield from _judge_fact(rule, fact, thresholds, broken, report, origin)


def _in_words_of_python(problem: Problem, sources: Sources) -> tuple[str, Place]:
    """The message and place of a syntax error as the running Python would report it, which people know."""
    source = sources.get(problem.place.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("" if source is None else source.text)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        end = error.end_offset if error.end_lineno == line and error.end_offset else 0
        return error.msg, Place(problem.place.path, line, column, line, max(end, column + 1))
    except (ValueError, RecursionError, MemoryError):
        pass
    # The running Python has nothing to object to, or cannot tell: it may be newer than the parser.
    return problem.message, problem.place


def _judge_fact(
    rule: Rule, fact: Fact, thresholds: Thresholds, broken: set[tuple[str, str]], report: Report, origin: str
) -> list[Finding]:
    try:
        return list(rule.findings(fact, origin, thresholds))
    except Exception as error:  # a defect of one rule must not cost the findings of the others
        path = fact.place.path
        if (rule.code, path) not in broken:
            broken.add((rule.code, path))
            report.tracebacks.append(traceback.format_exc())
            report.problems.append(_defect(f"{rule.code} ({rule.name})", error, path, fact.place))
        return []


def _defect(where: str, error: Exception, path: str, place: Place | None = None) -> Problem:
    message = f"internal error in {where}: {type(error).__name__}: {error}".rstrip(": ")
    return Problem(ANALYSIS_INCOMPLETE.code, message, place or Place(path, 1, 1, 1, 1), internal=True)


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each rule and place, the most severe: a class that is used ten times is wrong once."""
    chosen: dict[tuple[str, Place], Finding] = {}
    for finding in findings:
        known = chosen.get((finding.code, finding.place))
        if known is None or _RANK[finding.severity] < _RANK[known.severity]:
            chosen[finding.code, finding.place] = finding
    return list(chosen.values())


def _select(findings: Iterable[Finding], settings: Settings, path: Path) -> Iterator[Finding]:
    ignored = settings.ignored_in(path)
    for finding in findings:
        if finding.code == SYNTAX_ERROR.code:
            yield finding
            continue
        severity = settings.severity_of(finding, finding.severity.value)
        if severity is not None and not any(covers(selector, finding) for selector in ignored):
            yield replace(finding, severity=Severity(severity))


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.place.path, finding.place.line, finding.place.column, finding.code
