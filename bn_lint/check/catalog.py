"""Writes what the documentation says about rules and settings.

A path that ends in `.md` becomes the table of all rules, one that ends in `.json` (`docs/settings.schema.json`) the
schema of the settings, and any other path the folder of the pages of rules.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bn_lint.check.explain import everything, markdown
from bn_lint.check.registry import load_rules
from bn_lint.project.keys import schema
from bn_lint.project.writing import write
from bn_lint.rule import Rule

COMMAND = "python -m bn_lint.check.catalog rules/README.md docs/rules"
_MADE = f"<!-- Made by `{COMMAND}` from the rules themselves; edit those. -->"

INTRODUCTION = f"""\
# Rules

Each rule has a page: what it does, why it matters, bad code and corrected code. `bn-lint rule CODE` shows it, too.
Findings of severity `info` are off by default; select them by code or name. A finding may have another
severity than its rule: BN101 is an error where the model, its mode and the way to the call are proven.

{_MADE}

| Code | Name | Severity | What it finds |
|---|---|---|---|
"""


def catalog(rules: Iterable[Rule]) -> str:
    """The table of the given rules, in Markdown, with an introduction."""
    return INTRODUCTION + "".join(map(_row, rules))


def _row(rule: Rule) -> str:
    summary = rule.summary.rstrip(".").replace("|", "\\|")
    return f"| [{rule.code}](../docs/rules/{rule.name}.md) | `{rule.name}` | {rule.severity} | {summary} |\n"


def settings_schema() -> str:
    """The JSON Schema of the settings, as a document."""
    return json.dumps(schema(), indent=2) + "\n"


def file_name(rule: Rule) -> str:
    """The name that the file of a built-in rule must have: `bn401_keras_momentum.py`."""
    return f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py"


def pages() -> dict[str, str]:
    """The pages of all rules and of the tool's own codes, by the names of their files."""
    found = {}
    for entry in everything():
        title, _, rest = markdown(entry).partition("\n")
        found[f"{entry.name}.md"] = f"{title}\n\n{_MADE}\n{rest}"
    return found


def write_pages(folder: Path) -> None:
    """Write all pages into a folder, and remove those of rules that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for path in folder.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        write(folder / name, text.encode())


def main() -> None:
    table = catalog(load_rules())
    for argument in sys.argv[1:]:
        if argument.endswith(".md"):
            write(argument, table.encode())
        elif argument.endswith(".json"):
            write(argument, settings_schema().encode())
        else:
            write_pages(Path(argument))
    if len(sys.argv) < 2:
        sys.stdout.write(table)


if __name__ == "__main__":
    main()
