"""Writes what the benchmark found as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.false_positives.lint import Outcome
from benchmarks.false_positives.verdicts import Judgment

#: CPU seconds that one file may take.
FILE_LIMIT = 30
PRECISION_BAR = 0.95
_INTRODUCTION = """# False positives

What bn-lint reports, with its default settings, about released packages. Every finding was read against the source;
`benchmarks/false_positives/verdicts.toml` says why each is true or false."""
_PACKAGES = """## Packages

`BatchNorm` counts the files that mention it; `layers` says how many of the places that build a layer were judged.
Seconds are CPU time of the whole process."""


def render(outcomes: Sequence[Outcome], judgment: Judgment, heading: str) -> str:
    """Returns the report."""
    parts = [
        _INTRODUCTION,
        heading,
        _summary(outcomes, judgment),
        "## By rule",
        _table(("rule", "findings", "true", "false", "no verdict", "precision"), _rules(judgment)),
    ]
    rows: list[tuple[str, ...]]
    wrong = [(f, v) for f, v in judgment.judged if not v.true]
    if wrong:
        rows = [(f.package, f.code, f.severity, f"`{f.path}:{f.line}`", v.why) for f, v in wrong]
        parts += ["## False findings", _table(("package", "rule", "severity", "place", "why"), rows)]
    if judgment.unjudged:
        rows = [(f.package, f.code, f.severity, f"`{f.path}:{f.line}`", f.message) for f in judgment.unjudged]
        parts += ["## Findings without a verdict", _table(("package", "rule", "severity", "place", "message"), rows)]
    if judgment.vanished:
        rows = [(v.package, v.code, f"`{v.path}:{v.line}`", _truth(v.true)) for v in judgment.vanished]
        parts += ["## Verdicts whose findings are gone", _table(("package", "rule", "place", "verdict"), rows)]
    parts += _problems(outcomes)
    slowest = sorted(((t, o.package.name, f) for o in outcomes for f, t in o.slowest), reverse=True)[:15]
    parts += [
        "## Slowest files\n\nCPU seconds for parsing the file and following its definitions.",
        _table(("package", "file", "seconds"), [(name, f"`{file}`", f"{t:.1f}") for t, name, file in slowest]),
        _PACKAGES,
        _table(
            ("package", "version", "files", "lines", "BatchNorm", "layers", "findings", "incomplete", "seconds"),
            [_package(outcome) for outcome in outcomes],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def failures(outcomes: Iterable[Outcome], judgment: Judgment) -> list[str]:
    """Returns, as sentences, why the benchmark fails; where it passes, there are none."""
    found = [f"{len(judgment.unjudged)} findings have no verdict."] if judgment.unjudged else []
    if judgment.vanished:
        found.append(f"{len(judgment.vanished)} verdicts are about findings that are gone.")
    crashed = [outcome.package.name for outcome in outcomes if outcome.crashes]
    if crashed:
        found.append(f"bn-lint crashed on {', '.join(crashed)}.")
    return found


def _summary(outcomes: Sequence[Outcome], judgment: Judgment) -> str:
    codes = judgment.codes()
    false_errors = len(judgment.false_errors())
    crashes = sum(len(outcome.crashes) for outcome in outcomes)
    slow = sum(seconds > FILE_LIMIT for outcome in outcomes for _, seconds in outcome.slowest)
    using = sum(outcome.batchnorm_files > 0 for outcome in outcomes)
    lines = sum(outcome.lines for outcome in outcomes)
    rows = [
        ("packages that mention BatchNorm", f"{using} of {len(outcomes)}, {lines / 1e6:.2f} million lines", ">= 40"),
        ("precision", _share(*judgment.precision(*codes)), f">= {PRECISION_BAR:.0%}"),
        ("false findings of severity error", str(false_errors), "0"),
        ("findings without a verdict", str(len(judgment.unjudged)), "0"),
        ("crashes", str(crashes), "0"),
        (f"files over {FILE_LIMIT} s", str(slow), "0"),
    ]
    if codes:
        # One rule that is nearly always right and fires often would hide what the others do.
        often = max(codes, key=lambda code: codes[code])
        others = judgment.precision(*(code for code in codes if code != often))
        rows.insert(2, (f"precision without {often}, the most frequent rule", _share(*others), ""))
    return _table(("", "reached", "bar"), rows)


def _rules(judgment: Judgment) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for code, count in judgment.codes().items():
        true, judged = judgment.precision(code)
        rows.append((code, str(count), str(true), str(judged - true), str(count - judged), _share(true, judged)))
    return rows


def _problems(outcomes: Sequence[Outcome]) -> list[str]:
    parts = []
    for title, name in (("## Crashes", "crashes"), ("## Not judged completely", "incomplete")):
        rows = [(o.package.name, text) for o in outcomes for text in getattr(o, name)]
        if rows:
            parts += [title, _table(("package", "what"), rows)]
    return parts


def _package(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.package.name,
        outcome.package.version,
        str(outcome.files),
        str(outcome.lines),
        str(outcome.batchnorm_files),
        f"{outcome.judged} of {outcome.layers}",
        str(len(outcome.findings)),
        str(len(outcome.incomplete)),
        f"{outcome.cpu:.1f}",
    )


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "-"


def _truth(true: bool) -> str:
    return "true" if true else "false"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
