"""Measures what hostile programs cost: `python -m benchmarks.attacks`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.attacks.attack import ATTACKED, OTHER, Attack
from benchmarks.attacks.programs import ATTACKS
from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import Run, measure

#: The bar: seconds of CPU time and megabytes that an attack may take.
_SECONDS, _MEGABYTES = 10, 1000
#: Letters that a report may have for each finding: nobody reads more.
_LETTERS = 5000
#: What a process is stopped at. Those that bn-lint starts have limits of their own.
_MOST_SECONDS, _MOST_MEGABYTES = 15, 3000
_INTRODUCTION = """\
Each attack is a program that is meant to take all time or memory, beside a file with a mistake. The bar: {seconds} s of
CPU time and {megabytes} MB, the finding in the other file is there, there is no internal error, and no finding takes
more than {letters} letters. A process is stopped after {most} s, or when it wants more than {most_megabytes} MB of
address space. *Own* says what became of the mistake in the attacking file: it was found, or the report says that the
file was not judged completely, or nothing."""


@dataclass(frozen=True)
class Result:
    """What became of one attack.

    Attributes:
        other: Whether the mistake in the other file was found.
        own: What the report has about the attacking file.
        internal: Whether the report has a defect of bn-lint.
    """

    attack: Attack
    run: Run
    other: bool
    own: str
    internal: bool

    @property
    def is_over(self) -> str:
        """What of the bar is not met; empty if all is."""
        over = []
        if self.run.cpu > _SECONDS:
            over.append("time")
        if self.run.peak > _MEGABYTES:
            over.append("memory")
        if not self.other:
            over.append("other file lost")
        if self.internal:
            over.append("internal error")
        if len(self.run.output) > _LETTERS * max(1, self.run.output.count('"code"')):
            over.append("long report")
        if self.own == "nothing":
            over.append("not said")
        return ", ".join(over)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--jobs", "-j", default=None, type=int, help="Processes of bn-lint; the default is its own.")
def main(names: tuple[str, ...], jobs: int | None) -> None:
    """Run the attacks whose names contain one of NAMES, or all of them.

    A complete run writes benchmarks/results/attacks.md. It exits with 1 when an attack does not meet the bar.
    """
    chosen = [attack for attack in ATTACKS if not names or any(name in attack.name for name in names)]
    head = heading("benchmarks.attacks")
    results = []
    with installed() as linter:
        for attack in chosen:
            results.append(_attacked(linter, attack, jobs))
            click.echo(_row(results[-1]))
    report = "\n\n".join(["# Attacks", head, *_tables(results)]) + "\n"
    if not names:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "attacks.md").write_text(report, encoding="utf-8")
    if any(result.is_over for result in results):
        raise SystemExit(1)


def _attacked(linter: Linter, attack: Attack, jobs: int | None) -> Result:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attack.write(folder)
        # No report has thirty megabytes, and this process must stay small: it is what each child begins as.
        limits = f'ulimit -t {_MOST_SECONDS}; ulimit -v {_MOST_MEGABYTES * 1000}; ulimit -f 60000; exec "$@"'
        options = ("--isolated", "--no-cache", "--output-format", "json", *(() if jobs is None else ("-j", str(jobs))))
        command = ("sh", "-c", limits, "sh", *linter.command, "check", *options, ATTACKED, OTHER)
        run = measure(command, folder=folder, environment=linter.environment, limit=10 * _MOST_SECONDS)
    try:
        report = json.loads(run.output)
    except json.JSONDecodeError:
        return Result(attack, run, other=False, own="nothing", internal="defect of bn-lint" in run.errors)
    found = {(finding["code"], finding["path"]) for finding in report["findings"]}
    errors = [error for error in report["errors"] if error["path"] == ATTACKED]
    incomplete = errors or ("BN902", ATTACKED) in found
    own = "found" if ("BN002", ATTACKED) in found else "incomplete" if incomplete else "nothing"
    internal = any("internal error" in error["message"] for error in report["errors"])
    return Result(attack, run, ("BN002", OTHER) in found, own, internal)


def _tables(results: Iterable[Result]) -> list[str]:
    results = list(results)
    kinds = dict.fromkeys(result.attack.kind for result in results)
    summary = ["| Kind | Attacks | Within the bar | Most CPU (s) | Most memory (MB) |", "|---|--:|--:|--:|--:|"]
    for kind in (*kinds, None):
        some = [result for result in results if kind in (None, result.attack.kind)]
        good = sum(not result.is_over for result in some)
        cpu, peak = max(result.run.cpu for result in some), max(result.run.peak for result in some)
        summary.append(f"| {kind or 'all'} | {len(some)} | {good} | {cpu:.1f} | {peak:.0f} |")
    rows = ["| Attack | CPU (s) | Memory (MB) | Exit code | Other file | Own | Over |", "|---|--:|--:|--:|---|---|---|"]
    introduction = _INTRODUCTION.format(
        seconds=_SECONDS, megabytes=_MEGABYTES, letters=_LETTERS, most=_MOST_SECONDS, most_megabytes=_MOST_MEGABYTES
    )
    return [introduction, "\n".join(summary), "\n".join([*rows, *map(_row, results)])]


def _row(result: Result) -> str:
    run, other = result.run, "found" if result.other else "lost"
    return (
        f"| {result.attack.name} | {run.cpu:.1f} | {run.peak:.0f} | {run.code} | {other} | {result.own} |"
        f" {result.is_over} |"
    )


if __name__ == "__main__":
    main()
