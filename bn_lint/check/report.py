"""The result of a check, as a value: formats and the exit code are functions of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bn_lint.check.registry import RuleSet
from bn_lint.exit import ExitCode
from bn_lint.project.keys import SEVERITIES
from bn_lint.project.source import Sources
from bn_lint.project.tool_codes import UNREADABLE_FILE

if TYPE_CHECKING:
    # A run over files without BatchNorm has neither, and is over before these imports would be.
    from bn_lint.facts import Coverage, Evidence, Problem
    from bn_lint.rule import Finding


class Report:
    """The result of a check.

    Attributes:
        findings: Sorted by place and code; those that a comment silences are in it, marked.
        problems: What kept files from being judged completely, sorted by place.
        files: How many files were checked.
        coverage: How many of the layers were judged; None when no file mentions BatchNorm.
        rules: Those that judged, whether they are on or not.
        sources: The text of the files, for quoting.
        remarks: Comments meant for bn-lint that have no effect: place and sentence.
        tracebacks: Of the defects among the problems.
        revealed: What calls of `bn_lint.reveal` show: place and value.
        fixed: Findings that a fix removed, as they were.
        unsafe_fixes: Whether the user asked for unsafe fixes as well.
        fail_on: The lowest severity of a finding that lets the check fail, or `never`.
        is_held_against_trace: Whether `confirmed` of the findings says what a run showed.
    """

    def __init__(
        self,
        findings: Iterable[Finding] = (),
        problems: Iterable[Problem] = (),
        *,
        files: int = 0,
        coverage: Coverage | None = None,
        sources: Sources | None = None,
    ) -> None:
        self.findings = list(findings)
        self.problems = list(problems)
        self.files = files
        self.coverage = coverage
        self.rules = RuleSet()
        self.sources = Sources() if sources is None else sources
        self.remarks: list[str] = []
        self.tracebacks: list[str] = []
        self.revealed: list[Evidence] = []
        self.fixed: list[Finding] = []
        self.unsafe_fixes = False
        self.fail_on = "info"
        self.is_held_against_trace = False

    def with_places(self, findings: list[Finding], coverage: Coverage | None) -> Report:
        """The report with its findings and its coverage at other places."""
        from copy import copy

        changed = copy(self)
        changed.findings, changed.coverage = findings, coverage
        return changed

    def add_coverage(self, coverage: Coverage) -> None:
        """Add the coverage of some of the files."""
        if self.coverage is None:
            self.coverage = coverage
        else:
            self.coverage.add(coverage)

    @property
    def visible(self) -> list[Finding]:
        """The findings that no comment silences."""
        return [finding for finding in self.findings if not finding.suppressed]

    def is_fixable(self, finding: Finding) -> bool:
        """Whether `--fix` would remove the finding, as the user called it: with or without `--unsafe-fixes`."""
        return finding.fix is not None and (self.unsafe_fixes or finding.fix.is_safe)

    @property
    def hidden_fixes(self) -> int:
        """How many more findings `--unsafe-fixes` could remove."""
        return sum(one.fix is not None and not self.is_fixable(one) for one in self.visible)

    @property
    def failures(self) -> list[Problem]:
        """The problems that make the result incomplete in a way the user must know of."""
        return [problem for problem in self.problems if problem.internal or problem.code == UNREADABLE_FILE.code]

    @property
    def exit_code(self) -> ExitCode:
        if self.failures:
            return ExitCode.FAILURE
        severe = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1] if self.fail_on in SEVERITIES else ()
        fails = any(finding.severity.value in severe for finding in self.visible)
        return ExitCode.FINDINGS if fails else ExitCode.CLEAN
