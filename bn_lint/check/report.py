"""The result of a check, as a value: formats and the exit code are functions of it."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass
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

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    coverage: Coverage | None = None
    rules: RuleSet = field(default_factory=RuleSet)
    sources: Sources = field(default_factory=Sources)
    remarks: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    revealed: list[Evidence] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)
    unsafe_fixes: bool = False
    fail_on: str = "info"
    is_held_against_trace: bool = False

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
