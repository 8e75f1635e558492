"""The pages of rules, for `bn-lint rule`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.errors import UsageError
from bn_lint.project.selectors import ALL, covers, did_you_mean
from bn_lint.project.tool_codes import TOOL_CODES, ToolCode
from bn_lint.rule import Rule


def find(wanted: str, rules: RuleSet = BUILT_IN_RULES) -> Rule | ToolCode:
    """The rule or tool code with this code or name.

    Raises:
        UsageError: there is none.
    """
    entries = everything(rules)
    for entry in entries:
        if wanted.upper() == entry.code or wanted.lower() == entry.name:
            return entry
    known = [entry.code for entry in entries] + [entry.name for entry in entries]
    candidate = wanted.lower() if "-" in wanted else wanted.upper()
    raise UsageError(f'There is no rule "{wanted}"{did_you_mean(candidate, known) or "."}')


def beginning_with(code: str, rules: RuleSet = BUILT_IN_RULES) -> list[Rule | ToolCode]:
    """The rules and tool codes that the beginning of a code means; none for names and other words."""
    return [entry for entry in everything(rules) if covers(code.upper(), entry)] if code.upper() != ALL else []


def summary(entry: Rule | ToolCode) -> str:
    """The first line of a page."""
    return entry.page.partition("\n")[0].strip()


def markdown(entry: Rule | ToolCode) -> str:
    """The page of one rule, in Markdown."""
    facts = "Always on." if entry.severity == "error" else f"Severity {entry.severity}, on by default."
    if isinstance(entry, Rule):
        default = "off by default" if entry.severity.value == "info" else "on by default"
        facts = f"Severity {entry.severity}, {default}, since {entry.since}."
    return f"# {entry.code} {entry.name}\n\n{facts}\n\n{entry.page}\n"


def fields(entry: Rule | ToolCode) -> dict[str, Any]:
    """The page of one rule as data."""
    severity, since = (entry.severity.value, entry.since) if isinstance(entry, Rule) else (entry.severity, None)
    return {
        "code": entry.code,
        "name": entry.name,
        "summary": summary(entry),
        "severity": severity,
        "default": severity != "info",
        "since": since,
        "page": entry.page,
    }


def everything(rules: RuleSet = BUILT_IN_RULES) -> Sequence[Rule | ToolCode]:
    """All rules and tool codes, in the order of their codes."""
    return [*rules.rules, *TOOL_CODES.values()]
