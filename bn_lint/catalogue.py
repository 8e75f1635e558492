"""Writes the table of all rules: `python -m bn_lint.catalogue rules/README.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from bn_lint.registry import load_rules
from bn_lint.rule import Rule

INTRODUCTION = """\
# Rules

`bn-lint rule CODE` shows the page of a rule: what it does, why it matters, bad code and its good twin.
Findings of severity `info` are off by default; select them by code or name.

<!-- Made by `python -m bn_lint.catalogue rules/README.md` from the rules themselves; edit those. -->

| Code | Name | Severity | What it finds |
|---|---|---|---|
"""


def catalogue(rules: Iterable[Rule]) -> str:
    """The table of the given rules, in Markdown, with an introduction."""
    return INTRODUCTION + "".join(map(_row, rules))


def _row(rule: Rule) -> str:
    summary = rule.summary.rstrip(".").replace("|", "\\|")
    return f"| [{rule.code}](bn_lint_rules/{file_name(rule)}) | `{rule.name}` | {rule.severity} | {summary} |\n"


def file_name(rule: Rule) -> str:
    """The name that the file of a built-in rule must have: `bn401_keras_momentum.py`."""
    return f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py"


def main() -> None:
    text = catalogue(load_rules())
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
