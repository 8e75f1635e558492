"""What people found when they read the findings: the verdict file, and how findings are held against it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.false_positives.lint import Finding, Package

_FOLDER = Path(__file__).parent
VERDICTS = _FOLDER / "verdicts.toml"


@dataclass(frozen=True)
class Verdict:
    """One finding that was read: whether it is true, and why.

    Attributes:
        useless: It is right, but nobody would want to know. It counts as not true.
    """

    package: str
    version: str
    path: str
    line: int
    code: str
    true: bool
    why: str
    useless: bool = False


Key = tuple[str, str, str, int, str]


def key(entry: Verdict | Finding) -> Key:
    """Returns what a finding and its verdict have in common."""
    return entry.package, entry.version, entry.path, entry.line, entry.code


@dataclass(frozen=True)
class Judgment:
    """The findings with their verdicts, those without one, and the verdicts whose findings are gone."""

    judged: list[tuple[Finding, Verdict]]
    unjudged: list[Finding]
    vanished: list[Verdict]

    def precision(self, *codes: str) -> tuple[int, int]:
        """Returns how many findings of these rules are true, and how many have a verdict."""
        verdicts = [verdict.true for finding, verdict in self.judged if finding.code in codes]
        return sum(verdicts), len(verdicts)

    def false_errors(self) -> list[Finding]:
        """Returns the false findings of severity error: there must be none."""
        return [finding for finding, verdict in self.judged if not verdict.true and finding.severity == "error"]

    def codes(self) -> dict[str, int]:
        """Returns the rules that reported something, with the number of their findings."""
        found = [*(finding for finding, _ in self.judged), *self.unjudged]
        return dict(sorted(Counter(finding.code for finding in found).items()))


def judge(findings: Iterable[Finding], verdicts: Iterable[Verdict], packages: Iterable[Package]) -> Judgment:
    """Holds the findings of the packages against the verdicts about these packages."""
    known = {key(verdict): verdict for verdict in verdicts}
    findings = sorted(findings)
    seen = {key(finding) for finding in findings}
    linted = {(package.name, package.version) for package in packages}
    return Judgment(
        [(finding, known[key(finding)]) for finding in findings if key(finding) in known],
        [finding for finding in findings if key(finding) not in known],
        [v for k, v in known.items() if k not in seen and (v.package, v.version) in linted],
    )


def load_packages() -> list[Package]:
    """Returns the releases to lint, by name."""
    releases = toml.read(_FOLDER / "packages.toml")
    return [Package(name, version) for name, version in sorted(releases.items(), key=lambda item: item[0].lower())]


def load_verdicts(path: Path = VERDICTS) -> list[Verdict]:
    """Returns the recorded verdicts.

    Raises:
        TypeError: an entry lacks a field, or has one that does not belong there.
        ValueError: two entries are about the same finding, or one gives no reason.
    """
    verdicts = [Verdict(**entry) for entry in toml.read(path).get("verdict", [])]
    for entry, count in Counter(map(key, verdicts)).items():
        if count > 1:
            raise ValueError(f"{path.name} has {count} verdicts about {entry}.")
    for verdict in verdicts:
        if not verdict.why.strip():
            raise ValueError(f"{path.name} gives no reason for {key(verdict)}.")
    return verdicts


def stanza(finding: Finding, true: str = "", why: str = "") -> str:
    """Returns an entry for the verdict file, to be filled in by whoever reads the finding."""
    return "\n".join(
        (
            "[[verdict]]",
            f"package = {json.dumps(finding.package)}",
            f"version = {json.dumps(finding.version)}",
            f"path = {json.dumps(finding.path)}",
            f"line = {finding.line}",
            f"code = {json.dumps(finding.code)}",
            f"true = {true}",
            f"why = {json.dumps(why)}",
            "",
        )
    )
