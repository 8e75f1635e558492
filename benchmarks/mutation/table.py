"""The report of the mutation benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.mutation.mutants import OPERATORS
from benchmarks.mutation.score import NEAR, Verdict
from benchmarks.mutation.truth import Truth


@dataclass(frozen=True)
class Score:
    """One library: what is known about it, and what the linter made of that."""

    title: str
    truth: Truth
    mutants: tuple[Verdict, ...]
    controls: tuple[Verdict, ...]
    by_file: bool = False
    research: bool = False


def document(heading: str, scores: Sequence[Score]) -> str:
    """The whole report."""
    parts = ["# Mutation benchmark", heading, _legend(scores), by_library(scores), by_operator(scores), _noise(scores)]
    parts += [_misses(scores), _astray(scores), _alarms(scores), _failed(scores)]
    return "\n\n".join(part for part in parts if part) + "\n"


def by_library(scores: Sequence[Score]) -> str:
    """Markdown: one row for each library, and one for all."""
    lines = [
        "## By library",
        "",
        "| Library | Calls | Mutants | Found | Located | Controls | False alarms | Margin | CPU time for each (s) |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for title, research in (("All", False), ("Research-style projects", True)):
        group = [score for score in scores if score.research is research]
        for score in group:
            name = f"{score.title}{' ¹' if score.by_file else ''}"
            lines.append(f"| {name} | {score.truth.sites} | {_counts(score.mutants, score.controls)} |")
        if group:
            mutants, controls = _all(group)
            lines.append(f"| **{title}** | {sum(s.truth.sites for s in group)} | {_counts(mutants, controls)} |")
    if any(score.by_file for score in scores):
        lines += ["", "¹ Linted: the changed file and the files whose functions were active, not the whole package."]
    return "\n".join(lines)


def by_operator(scores: Sequence[Score]) -> str:
    """Markdown: one row for each operator, one column for each library."""
    lines = [
        "## By operator",
        "",
        f"| Operator | {' | '.join(s.title for s in scores)} | All |",
        f"|---|{'--:|' * (len(scores) + 1)}",
    ]
    for operator, meaning in OPERATORS.items():
        cells = []
        for mutants in (*(score.mutants for score in scores), _all(scores)[0]):
            mine = [verdict for verdict in mutants if verdict.mutant.operator == operator]
            cells.append(f"{sum(v.found for v in mine)} of {len(mine)}" if mine else "-")
        lines.append(f"| {operator}: {meaning} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _legend(scores: Sequence[Score]) -> str:
    models = sum(len({case.recipe for case in score.truth.mutants}) for score in scores)
    return (
        "Each mutant changes one BatchNorm constructor call of a real library so that the forward pass of one of its "
        f"models raises; the mutants here were seen to fail in {models} models. Found: a finding that the unchanged "
        f"library does not have. Located: such a finding within {NEAR} lines of the change (of the found ones). "
        "A control is a change that changes nothing; a new finding there is a false alarm. Margin: the share found "
        "less the share of false alarms, so that reporting everything is worth as little as reporting nothing."
    )


def _counts(mutants: Sequence[Verdict], controls: Sequence[Verdict]) -> str:
    found = [verdict for verdict in mutants if verdict.found]
    alarms = sum(verdict.found for verdict in controls)
    margin = len(found) / max(1, len(mutants)) - alarms / max(1, len(controls))
    cpu = sum(verdict.cpu for verdict in mutants) / max(1, len(mutants))
    located = share(sum(verdict.located for verdict in found), len(found))
    return (
        f"{len(mutants)} | {share(len(found), len(mutants))} | {located} | "
        f"{len(controls)} | {share(alarms, len(controls))} | {100 * margin:.0f} % | {cpu:.1f}"
    )


def share(part: int, whole: int) -> str:
    """`31 (94 %)`"""
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "-"


def _all(scores: Sequence[Score]) -> tuple[list[Verdict], list[Verdict]]:
    return [v for s in scores for v in s.mutants], [v for s in scores for v in s.controls]


def _noise(scores: Sequence[Score]) -> str:
    found = [verdict for verdict in _all(scores)[0] if verdict.found]
    if not found:
        return ""
    single = sum(len({(f.path, f.line) for f in verdict.new}) == 1 for verdict in found)
    return f"Of the found mutants, {share(single, len(found))} have new findings on one line only."


def _listed(title: str, scores: Sequence[Score], line: Callable[[Verdict], str | None]) -> str:
    parts = []
    for score in scores:
        lines = [text for verdict in (*score.mutants, *score.controls) if (text := line(verdict)) is not None]
        if lines:
            parts.append("\n".join((f"### {score.title}", "", *(f"* {text}" for text in lines))))
    return "\n\n".join((f"## {title}", *parts)) if parts else ""


def _misses(scores: Sequence[Score]) -> str:
    def line(verdict: Verdict) -> str | None:
        return None if verdict.found or not _is_mutant(verdict) else f"{_change(verdict)}: {verdict.reason}"

    return _listed("Not found, and what the linter says about the layer", scores, line)


def _astray(scores: Sequence[Score]) -> str:
    def line(verdict: Verdict) -> str | None:
        if not verdict.found or verdict.located or not _is_mutant(verdict):
            return None
        return f"{_change(verdict)}: {_places(verdict.new)}"

    return _listed("Found, but not located", scores, line)


def _alarms(scores: Sequence[Score]) -> str:
    def line(verdict: Verdict) -> str | None:
        if _is_mutant(verdict) or not verdict.found:
            return None
        return f"{_change(verdict)}: {_places(verdict.new)}"

    return _listed("False alarms", scores, line)


def _failed(scores: Sequence[Score]) -> str:
    lines = [f"* `{recipe}`: {why}" for score in scores for recipe, why in score.truth.failed.items()]
    return "\n".join(("## Models that do not run here even unchanged", "", *lines)) if lines else ""


def _is_mutant(verdict: Verdict) -> bool:
    return verdict.mutant.operator in OPERATORS


def _change(verdict: Verdict) -> str:
    mutant = verdict.mutant
    return f"{mutant.path}:{mutant.line} {mutant.operator}, `{mutant.before}` to `{mutant.after}`"


def _places(findings: Iterable[object]) -> str:
    texts = [f"{f.code} at {f.path}:{f.line}" for f in findings]  # type: ignore[attr-defined]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
