"""The report of the benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.tracer.measure import Result

_LEGEND = (
    "Each faulty program is a small training script of a class of misuse, written from the list of classes and not "
    "from what bn-lint finds; its healthy twin differs in the lines of the mistake alone. *Static* is `bn-lint check`, "
    "*tracer* `bn-lint trace`, both with the rules that are on by default; of the rules that are off, the one that is "
    "expected is on. A mistake is found when there is a finding with one of the codes that name it. An alarm is any "
    "finding in a healthy program."
)
#: The classes, in the words of the report.
CLASSES = {
    "A1": "evaluation without eval()",
    "A2": "inference without eval()",
    "A3": "train() in an evaluation",
    "A4": "train() not restored",
    "A5": "training in evaluation mode",
    "A6": "mode method not called",
    "A7": "mode switched by other means",
    "A8": "one of several networks missed",
    "A9": "teacher in training mode",
    "A10": "auxiliary forward in training mode",
    "A11": "dummy forward in training mode",
    "A13": "eval() before replacement",
    "A14": "train override ignores the mode",
    "A15": "train override returns None",
    "A17": "statistics moved by held-out data",
    "A18": "F.batch_norm and its flag",
    "A19": "BatchNorm skipped by a condition",
    "B1": "width mismatch",
    "B2": "width hard-coded",
    "B3": "wrong variant",
    "B4": "no such class or argument",
    "B5": "channels last",
    "B6": "no batch",
    "B7": "width is no integer",
    "C1": "batch of one",
    "C2": "last batch of one",
    "C3": "BatchNorm on 1x1",
    "C4": "tiny batch",
    "C5": "accumulation of tiny batches",
    "D1": "frozen by requires_grad alone",
    "D2": "frozen BatchNorm switched on again",
    "D3": "freezing misses a variant",
    "D4": "freezing flips tracking",
    "E1": "momentum of Keras",
    "E2": "momentum 0 or out of range",
    "E3": "eps by position",
    "E4": "eps out of range",
    "E5": "no running statistics in evaluation",
    "E6": "redundant bias",
    "E7": "weight decay",
    "E8": "dropout before BatchNorm",
    "F1": "layers in a Python container",
    "F2": "layer built in forward",
    "F3": "shared layer",
    "F4": "unused layer",
    "F5": "statistics are no buffers",
    "G1": "replicas with tiny batches",
    "G2": "SyncBatchNorm too late",
    "G3": "SyncBatchNorm without processes",
    "G4": "buffers of processes diverge",
    "G5": "half-precision statistics",
    "G6": "checkpointing updates twice",
    "G7": "averaged weights, old statistics",
    "G8": "moving average without buffers",
    "G9": "statistics missing in a checkpoint",
    "H1": "export in training mode",
    "H2": "fusing in training mode",
    "H4": "torch.func transforms",
    "R1": "mode by turns",
    "R2": "statistics never learned",
    "R3": "statistics not finite",
    "R4": "collapsed variance",
}


def document(heading: str, results: Sequence[Result], before: Report | None = None) -> str:
    """The whole report; `before` is one of an earlier revision."""
    parts = ["# Faulty programs and healthy ones", heading, _LEGEND]
    if before is not None:
        parts.append(f"*Before*: the report that was committed with {before.revision}, of the same programs.")
    parts += [
        by_class(results, before),
        _listed("Not found", results, _missed),
        _listed("Alarms on twins", results, lambda result: _alarms(result) if result.program.kind else None),
        _listed(
            "Alarms on published methods", results, lambda result: None if result.program.kind else _alarms(result)
        ),
        _listed("Broken", results, lambda result: result.broken or None),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


@dataclass(frozen=True)
class Report:
    """A report of an earlier revision, of which the table is shown beside a new one."""

    revision: str
    text: str

    def cells(self, name: str) -> str:
        """What it has for a class: the cells after the number of programs."""
        rows = (line.split(" | ") for line in self.text.splitlines() if line.startswith(f"| {name} | "))
        row = next(rows, None)
        return "- | - | - | - |" if row is None else " | ".join(row[2:6]).removesuffix(" |") + " |"

    @property
    def silence(self) -> str:
        """What it says of the published methods."""
        return next((line for line in self.text.splitlines() if " published methods; with alarms: " in line), "")


def by_class(results: Sequence[Result], before: Report | None = None) -> str:
    """Markdown: one row for each class, one for all, and one for the published methods."""
    columns = "| Class | Programs | Static | Tracer | Both together | Alarms on twins |"
    lines = ["## By class", "", columns, "|---|--:|--:|--:|--:|--:|"]
    if before is not None:
        lines[2] += " Before: static | Tracer | Both | Alarms |"
        lines[3] += "--:|--:|--:|--:|"
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result.program.kind:
            groups.setdefault(result.program.kind, []).append(result)
    for kind, group in groups.items():
        lines.append(_row(f"{kind} {CLASSES[kind]}", group, before))
    lines.append(_row("**All**", [result for group in groups.values() for result in group], before))
    lines += ["", _silence([result for result in results if not result.program.kind])]
    if before is not None:
        lines += ["", f"Before: {before.silence}"]
    return "\n".join(lines)


def _row(name: str, results: Sequence[Result], before: Report | None) -> str:
    row = f"| {name} | {len(results)} | {_cells(results)} |"
    return row if before is None else f"{row} {before.cells(name)}"


def _cells(results: Sequence[Result]) -> str:
    counts = [
        sum(result.found("static") for result in results),
        sum(result.found("runtime") for result in results),
        sum(result.found_by_either for result in results),
    ]
    share = [f"{count} ({100 * count / len(results):.0f} %)" if len(results) > 30 else str(count) for count in counts]
    alarms = sum(bool(result.alarms("static") or result.alarms("runtime")) for result in results)
    return " | ".join([*share, str(alarms)])


def _silence(results: Sequence[Result]) -> str:
    static, traced = (sum(bool(result.alarms(side)) for result in results) for side in ("static", "runtime"))
    return f"{len(results)} published methods; with alarms: {static} by the static check, {traced} by the tracer."


def _missed(result: Result) -> str | None:
    if result.faulty is None or (result.found("static") and result.found("runtime")):
        return None
    sides = {"static": "the static check", "runtime": "the tracer"}
    missing = [name for side, name in sides.items() if not result.found(side)]
    other = [code for side in sides for code in result.faulty[side].found]
    who = "both" if len(missing) == 2 else missing[0]
    return who + (f"; reported instead: {'; '.join(dict.fromkeys(other))}" if other and len(missing) == 2 else "")


def _alarms(result: Result) -> str | None:
    found = [f"{side}: {finding}" for side in ("static", "runtime") for finding in result.alarms(side)]
    return "; ".join(found) or None


def _listed(title: str, results: Sequence[Result], what: Callable[[Result], str | None]) -> str:
    rows = [(result.program, text) for result in results if (text := what(result)) is not None]
    items = [f"* {f'{program.kind} {program.title}'.strip()}: {text}" for program, text in rows]
    return f"## {title}\n\n" + "\n".join(items) if items else ""
