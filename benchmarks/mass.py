"""Lints whatever Python there is, and tells whether bn-lint holds: `python -m benchmarks.mass FOLDER...`.

Not what is found is of interest, but that each folder comes to an end, without a defect.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import TIMED_OUT, Run, measure

#: Seconds after which a folder has no end.
_PATIENCE = 3600


@dataclass(frozen=True)
class Result:
    """What became of a folder.

    Attributes:
        files: How many files were checked, and `lines` how many lines all its Python files have.
        errors: How often each code of bn-lint itself was reported.
        defects: Messages about defects of bn-lint.
    """

    name: str
    files: int
    lines: int
    run: Run
    findings: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    defects: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.run.code == 0


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--write/--no-write", default=True, help="Whether the report goes to benchmarks/results/mass.md.")
def main(folders: Sequence[Path], write: bool) -> None:
    """Lint each folder with all rules, no cache and no configuration."""
    head = heading("benchmarks.mass")
    results = []
    with installed() as linter:
        for folder in folders:
            results.append(_linted(linter, folder))
            click.echo(_row(results[-1]))
            for defect in results[-1].defects:
                click.echo(f"    {defect}")
    report = "\n\n".join(["# Mass run", head, *_tables(results)]) + "\n"
    if write:
        (RESULTS / "mass.md").write_text(report, encoding="utf-8")
    if not all(result.has_ended and not result.defects for result in results):
        raise SystemExit(1)


def _linted(linter: Linter, folder: Path) -> Result:
    lines = sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py") if path.is_file())
    options = ("--select", "ALL", "--isolated", "--no-cache", "--exit-zero", "-j", "1", "--output-format", "json")
    run = measure((*linter.command, "check", *options, folder), environment=linter.environment, limit=_PATIENCE)
    name = folder.name
    try:
        report = json.loads(run.output)
    except json.JSONDecodeError:
        why = "no end" if run.code == TIMED_OUT else f"exit code {run.code}: {run.errors[-300:]}"
        return Result(name, 0, lines, run, defects=(why,))
    messages = [f"{error['path']}:{error['line']}: {error['message']}" for error in report["errors"]]
    return Result(
        name,
        report["files"],
        lines,
        run,
        len(report["findings"]),
        Counter(error["code"] for error in report["errors"]),
        tuple(message for message in messages if "internal error" in message),
    )


def _tables(results: Sequence[Result]) -> list[str]:
    whole = Counter[str]()
    for result in results:
        whole += result.errors
    said = ", ".join(f"{code} {count}" for code, count in sorted(whole.items())) or "none"
    summary = (
        f"{len(results)} folders, {sum(result.files for result in results):,} files,"
        f" {sum(result.lines for result in results):,} lines. {sum(result.has_ended for result in results)} came to"
        f" an end, with {sum(len(result.defects) for result in results)} defects."
        f" Not judged completely: {said}. All rules were on, without configuration and cache, in one process."
    )
    head = "| Folder | Files | Lines | CPU (s) | Memory (MB) | Findings | BN901 | BN902 | BN903 | Defects |"
    rows = [head, "|---|" + "--:|" * 9, *map(_row, results)]
    return [summary, "\n".join(rows)]


def _row(result: Result) -> str:
    run, said = result.run, " | ".join(str(result.errors[code]) for code in ("BN901", "BN902", "BN903"))
    return (
        f"| {result.name} | {result.files:,} | {result.lines:,} | {run.cpu:.0f} | {run.peak:.0f} |"
        f" {result.findings:,} | {said} | {len(result.defects)} |"
    )


if __name__ == "__main__":
    main()
