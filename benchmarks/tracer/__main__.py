"""Measures what is found of faulty training programs: `python -m benchmarks.tracer`."""

from __future__ import annotations

import subprocess
import sys

import click

from benchmarks.linter import installed
from benchmarks.machine import RESULTS, ROOT, heading
from benchmarks.tracer.measure import measured
from benchmarks.tracer.programs import faulty, methods
from benchmarks.tracer.table import Report, by_class, document


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--before", metavar="REVISION", help="Show the report of this revision beside the new one.")
def main(names: tuple[str, ...], before: str | None) -> None:
    """Run the programs whose class or title contains one of NAMES, or all of them.

    A complete run writes benchmarks/results/tracer.md. It exits with 1 when a healthy program fails, or bn-lint does.
    """
    every = [*faulty(), *methods()]
    programs = [one for one in every if not names or any(name in f"{one.kind} {one.title}" for name in names)]
    earlier = None if before is None else Report(before, _committed(before))
    with installed() as linter:
        head = heading("benchmarks.tracer")
        results = measured(linter, programs)
    text = document(head, results, earlier)
    if names:
        click.echo(text)
    else:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "tracer.md").write_text(text, encoding="utf-8")
        click.echo(by_class(results, earlier))
    broken = [result for result in results if result.broken]
    for result in broken:
        click.echo(f"{result.program.kind} {result.program.title}: {result.broken}", err=True)
    sys.exit(1 if broken else 0)


def _committed(revision: str) -> str:
    """The report that a revision has.

    Raises subprocess.CalledProcessError where it has none.
    """
    path = (RESULTS / "tracer.md").relative_to(ROOT).as_posix()
    return subprocess.run(
        ["git", "show", f"{revision}:{path}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
