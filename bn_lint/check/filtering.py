"""What the user gets to see of what was found: selection, severities, comments, the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bn_lint.check.outcome import Outcome
from bn_lint.check.registry import RuleSet
from bn_lint.check.report import Report
from bn_lint.check.suppress import Directive, directives_in, mistakes_in, names_rules, suppress, unused
from bn_lint.facts import Place
from bn_lint.project.config import Settings
from bn_lint.project.source import Source
from bn_lint.project.tool_codes import SYNTAX_ERROR, UNUSED_SUPPRESSION
from bn_lint.rule import Applicability, Edit, Finding, Fix, Rule, Severity


@dataclass(frozen=True)
class FilteredFile:
    """A given file, as filtering needs it.

    Attributes:
        settings: Those for this file.
        source: Its text, when it may hold comments for bn-lint; else None.
        is_alone: What uses the file may be missing.
        is_context: Only what concerns the other files is reported.
    """

    path: Path
    display: str
    settings: Settings
    source: Source | None
    is_alone: bool = True
    is_context: bool = False


def filter_findings(files: Sequence[FilteredFile], outcomes: Sequence[Outcome], report: Report) -> None:
    """Add what the rules of the report have found in the given files to it; what was found elsewhere is left out.

    In a file that is context, that is what has evidence in another one.
    """
    given = {file.display for file in files if not file.is_context}
    found: dict[str, dict[tuple[str, Place], Finding]] = {}
    for outcome in outcomes:
        for finding in outcome.findings:
            found.setdefault(finding.place.path, {}).setdefault((finding.code, finding.place), finding)
        report.problems.extend(one for one in outcome.problems if one.internal or one.place.path in given)
        report.tracebacks.extend(outcome.tracebacks)
        report.revealed.extend(outcome.revealed)
        report.add_coverage(outcome.coverage)
    report.problems = list(dict.fromkeys(report.problems))
    incomplete = {problem.place.path for problem in report.problems}
    for file in files:
        here = list(found.get(file.display, {}).values())
        complete = file.display not in incomplete and not any(each.code == SYNTAX_ERROR.code for each in here)
        own = [finding for finding in here if finding.code not in _foreign(file.settings, report.rules)]
        if file.is_context:
            own = [finding for finding in own if any(step.place.path in given for step in finding.evidence)]
            complete = False
        report.findings.extend(_filter(file, own, report.remarks, complete=complete))
    report.findings.sort(key=_order)


def _filter(
    file: FilteredFile, findings: Sequence[Finding], remarks: list[str], *, complete: bool
) -> Iterator[Finding]:
    rules = RuleSet(file.settings.plugins)  # which imports them when they are asked for
    shown = list(_select(findings, file.settings, file.path))
    if len(shown) > 1:
        shown = list(_uncovered(shown, rules.rules))
    if file.source is None or not (shown or names_rules(file.source, rules.packages)):
        yield from shown
        return
    directives = list(directives_in(file.source))
    yield from suppress(shown, directives)
    for line, text in () if file.is_context else mistakes_in(file.source, lambda: rules.rules):
        place = file.source.located(Place(file.display, line, 1, line, 1))
        remarks.append(f"{place.file}:{place.line}: {text}")
    if directives and complete and not file.is_alone:
        settings = file.settings
        on = [
            rule for rule in rules.rules if _reads(rule) and settings.severity_in(file.path, rule, rule.severity.value)
        ]
        idle = (_unused(file.source, *each) for each in unused(directives, findings, on))
        yield from _select(idle, file.settings, file.path)


def _reads(rule: Rule) -> bool:
    """Whether a rule judges facts that can be read off the source text, not only those of a run."""
    return any(kind.__module__ != "bn_lint.facts.traced" for kind in rule.judges)


def _foreign(settings: Settings, loaded: RuleSet) -> frozenset[str]:
    """The codes of rules that were loaded for other files, whose settings name more rule packages."""
    own = RuleSet(settings.plugins)
    if own == loaded:
        return frozenset()
    return frozenset(rule.code for rule in loaded.rules) - {rule.code for rule in own.rules}


def _select(findings: Iterable[Finding], settings: Settings, path: Path) -> Iterator[Finding]:
    for finding in findings:
        severity = settings.severity_in(path, finding, finding.severity.value)
        if finding.code == SYNTAX_ERROR.code:
            yield finding
        elif severity is not None:
            yield replace(finding, severity=Severity(severity))


def _uncovered(findings: Sequence[Finding], rules: Sequence[Rule]) -> Iterator[Finding]:
    """The findings without those that another one of the same mistake makes superfluous."""
    covering = {rule.code: rule.covered_by for rule in rules if rule.covered_by}
    at: dict[Place, set[str]] = {}
    for finding in findings:
        at.setdefault(finding.place, set()).add(finding.code)
    return (each for each in findings if at[each.place].isdisjoint(covering.get(each.code, ())))


def _unused(source: Source, directive: Directive, selectors: tuple[str, ...]) -> Finding:
    place = Place(source.display, directive.line, directive.column, directive.line, directive.end_column)
    names = ", ".join(f"`{selector}`" for selector in selectors)
    verb = "finds" if len(selectors) == 1 else "find"
    where = "in this file" if directive.last is None else "here"
    return Finding(
        UNUSED_SUPPRESSION.code,
        UNUSED_SUPPRESSION.name,
        Severity(UNUSED_SUPPRESSION.severity),
        f"this comment silences {names}, which {verb} nothing {where}",
        place,
        help="remove it" if selectors == directive.selectors else f"remove {names} from it",
        fix=_removal(source, directive, selectors, place),
    )


def _removal(source: Source, directive: Directive, selectors: tuple[str, ...], place: Place) -> Fix | None:
    """The comment without the selectors. What other tools read is not touched."""
    if directive.kind == "noqa":
        return None
    line = source.lines[directive.line - 1]
    kept = [selector for selector in directive.selectors or () if selector not in selectors]
    if kept:
        before, _, rest = line[place.column - 1 : place.end_column - 1].partition("[")
        edit = Edit(place, f"{before}[{', '.join(kept)}]{rest.partition(']')[2]}")
    else:
        start = len(line[: place.column - 1].rstrip())
        edit = Edit(replace(place, column=start + 1), "")
        if start == 0 and not line[place.end_column - 1 :].strip():
            edit = Edit(Place(place.path, place.line, 1, place.line + 1, 1), "")
    return Fix(Applicability.SAFE, (edit,))


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.place.path, finding.place.line, finding.place.column, finding.code
