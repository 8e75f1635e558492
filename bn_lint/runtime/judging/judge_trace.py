"""A trace -> findings, by the rules and settings that `bn-lint check` uses."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bn_lint.check.filtering import FilteredFile, filter_findings
from bn_lint.check.judge import judge_facts
from bn_lint.check.registry import RuleSet
from bn_lint.check.report import Report
from bn_lint.facts import Analysis
from bn_lint.project.config import Configuration, Settings
from bn_lint.project.paths import absolute
from bn_lint.project.selectors import SelectorSet
from bn_lint.project.source import Sources
from bn_lint.rule import Thresholds
from bn_lint.runtime.document.document import Document
from bn_lint.runtime.document.sources import LiveSources, TraceSources
from bn_lint.runtime.judging.facts_from_trace import observe


def judge(
    document: Document,
    select: Sequence[str] | None = None,
    extend_select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    *,
    config: Sequence[str] = (),
    isolated: bool = False,
    saved: bool = False,
) -> Report:
    """Judge a trace of one process or of several.

    Args:
        saved: It comes from a file.

    Raises:
        ConfigError: a configuration file that applies is wrong.
        UsageError: a selector names a rule that does not exist.
    """
    layer = SelectorSet(None if select is None else tuple(select), tuple(extend_select), tuple(ignore))
    return judge_with(document, Configuration(command_line=layer, config=config, isolated=isolated), saved=saved)


def observed(document: Document, sources: Sources) -> Analysis:
    """The facts of all processes of a run, each once."""
    facts = (fact for part in document.everywhere for fact in observe(part, sources))
    return Analysis(list(dict.fromkeys(facts)))


def judge_with(document: Document, configuration: Configuration, *, saved: bool = False) -> Report:
    """Judge a trace by a configuration; one that was saved has no say in which files of its reader are used."""
    sources: Sources = TraceSources(document) if saved else LiveSources()
    report = Report(sources=sources)
    analysis = observed(document, sources)

    def settings_for(path: str) -> Settings:
        if saved and sources.get(path) is None:
            path = os.path.basename(path) or path
        return configuration.settings_for(absolute(path))

    settings = {path: settings_for(path) for path in {fact.place.path for fact in analysis.facts}}
    report.rules = RuleSet.of(settings.values())
    report.rules.check_selectors(configuration, settings.values())
    thresholds = {path: Thresholds(each.min_batch_size) for path, each in settings.items()}
    outcome = judge_facts(analysis, report.rules.rules, thresholds, source="runtime")
    for path in {finding.place.path for finding in outcome.findings} - settings.keys():
        settings[path] = settings_for(path)
    files = [
        FilteredFile(absolute(path), path, each, report.sources.get(path)) for path, each in sorted(settings.items())
    ]
    filter_findings(files, [outcome], report)
    report.files = len({finding.place.path for finding in report.findings})
    return report
