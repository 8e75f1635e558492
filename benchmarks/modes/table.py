"""The report of the mode benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.modes.operators import MUTATIONS
from benchmarks.modes.score import Result, Score
from benchmarks.mutation.mutants import CONTROL
from benchmarks.mutation.score import Found
from benchmarks.mutation.table import share

_LEGEND = (
    "Each mutant takes something out of a script that people published: a mode switch, or what keeps batches large. "
    "Somebody read each script and says in `benchmarks/modes/verdicts.toml` what the change does. Found: a new "
    "finding of the groups BN1 and BN2 in the changed file. Located: one of them stands at the call of the model, the "
    "mode call or the loader concerned (of the found ones). Harmless changes do nothing (evaluation loaders, models "
    "without BatchNorm, `train(False)` for `eval()`); a new finding there is a false alarm. Margin: the share found "
    "less the share of false alarms, so that reporting everything is worth as little as reporting nothing."
)


def document(heading: str, scores: Sequence[Score]) -> str:
    """The whole report."""
    parts = ["# Mode and batch mutants", heading, _LEGEND, by_script(scores), by_operator(scores)]
    parts += [
        _listed("Not found", scores, lambda r: r.why if r.effect == "real" and not r.found and not r.failure else None),
        _listed("Found, but not located", scores, lambda r: _places(r.new) if _astray(r) else None),
        _listed("False alarms", scores, lambda r: _places(r.new) if r.effect == "none" and r.found else None),
        _listed("Not judged by the linter", scores, lambda r: r.failure or None),
        _unchanged(scores),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def by_script(scores: Sequence[Score]) -> str:
    """Markdown: one row for each script, and one for all."""
    lines = [
        "## By script",
        "",
        "| Script | Mutants | Found | Located | Harmless | False alarms | Margin | CPU time for each (s) |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [f"| {score.script.name} | {_counts([score])} |" for score in scores]
    return "\n".join([*lines, f"| **All** | {_counts(scores)} |"])


def by_operator(scores: Sequence[Score]) -> str:
    """Markdown: one row for each operator."""
    lines = [
        "## By operator",
        "",
        "| Operator | Mutants | Found | Located | Harmless | False alarms |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for operator, meaning in {**MUTATIONS, CONTROL: "the same, written differently"}.items():
        results = [result for score in scores for result in score.results if result.mutant.operator == operator]
        lines.append(f"| {operator}: {meaning} | {cells(results)} |")
    return "\n".join(lines)


def _counts(scores: Iterable[Score]) -> str:
    results = [result for score in scores for result in score.results]
    real = [result for result in results if result.effect == "real"]
    harmless = [result for result in results if result.effect == "none"]
    margin = sum(r.found for r in real) / max(1, len(real)) - sum(r.found for r in harmless) / max(1, len(harmless))
    cpu = sum(result.cpu for result in results) / max(1, len(results))
    return f"{cells(results)} | {100 * margin:.0f} % | {cpu:.1f}"


def cells(results: Sequence[Result]) -> str:
    """Mutants, found, located, harmless changes and false alarms, as cells of a table."""
    real = [result for result in results if result.effect == "real"]
    found = [result for result in real if result.found]
    harmless = [result for result in results if result.effect == "none"]
    located = share(sum(result.located for result in found), len(found))
    alarms = share(sum(result.found for result in harmless), len(harmless))
    return f"{len(real)} | {share(len(found), len(real))} | {located} | {len(harmless)} | {alarms}"


def _astray(result: Result) -> bool:
    return result.effect == "real" and result.found and not result.located


def _listed(title: str, scores: Sequence[Score], text: Callable[[Result], str | None]) -> str:
    parts = []
    for score in scores:
        lines = [f"* {_change(result)}: {said}" for result in score.results if (said := text(result)) is not None]
        if lines:
            parts.append("\n".join((f"### {score.script.name}", "", *lines)))
    return "\n\n".join((f"## {title}", *parts)) if parts else ""


def _unchanged(scores: Sequence[Score]) -> str:
    lines = [f"* {score.script.name}: {_places(score.before)}" for score in scores if score.before]
    return "\n".join(("## Findings about the scripts as they are", "", *lines)) if lines else ""


def _change(result: Result) -> str:
    mutant = result.mutant
    return f"line {mutant.line} {mutant.operator}, `{mutant.before}` to `{mutant.after}`"


def _places(findings: Sequence[Found]) -> str:
    texts = [f"{found.code} at line {found.line}" for found in findings]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
