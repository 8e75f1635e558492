"""Measures what is found of faulty training programs: `python -m benchmarks.tracer`."""

from __future__ import annotations

import sys

import click

from benchmarks.linter import installed
from benchmarks.machine import RESULTS, heading
from benchmarks.tracer.measure import Result, measured
from benchmarks.tracer.programs import faulty, methods
from benchmarks.tracer.table import by_class, document
from benchmarks.unchanged.revisions import exported


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--before", metavar="REVISION", help="Measure this revision of bn-lint, too.")
def main(names: tuple[str, ...], before: str | None) -> None:
    """Run the programs whose class or title contains one of NAMES, or all of them.

    A complete run writes benchmarks/results/tracer.md. It exits with 1 when a healthy program fails, or bn-lint does.
    """
    every = [*faulty(), *methods()]
    programs = [one for one in every if not names or any(name in f"{one.kind} {one.title}" for name in names)]
    earlier: list[Result] | None = None
    if before is not None:
        with exported(before) as checkout, installed(checkout) as linter:
            earlier = measured(linter, programs)
    with installed() as linter:
        head = heading("benchmarks.tracer")
        results = measured(linter, programs)
    text = document(head, results, before, earlier)
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


if __name__ == "__main__":
    main()
