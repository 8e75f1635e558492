"""What a finding keeps when the lines around it move."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bn_lint.project.source import Sources

if TYPE_CHECKING:
    from bn_lint.rule import Finding

#: Of a finding that spans more lines, the first ones tell enough.
_LINES = 5


def text_of(finding: Finding, sources: Sources) -> str:
    """The code that a finding points at: its lines, with all white space alike."""
    place = finding.place
    last = min(place.end_line, place.line + _LINES - 1)
    lines = (
        sources.line(place.path, number, place.cell) or "" for number in range(place.line, max(last, place.line) + 1)
    )
    return " ".join(" ".join(lines).split())


def fingerprints(findings: Iterable[Finding], sources: Sources) -> list[str]:
    """One hexadecimal number for each finding, made of its rule, its file and its code: equal from run to run."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for finding in findings:
        key = (finding.code, finding.place.path, text_of(finding, sources))
        seen[key] += 1
        text = "\0".join((*key, str(seen[key])))
        found.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return found
