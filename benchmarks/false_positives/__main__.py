"""Lints released packages and holds the findings against recorded verdicts: `python -m benchmarks.false_positives`."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import click

from benchmarks.false_positives.lint import Outcome, Package, lint, size
from benchmarks.false_positives.table import failures, render
from benchmarks.false_positives.verdicts import VERDICTS, judge, load_packages, load_verdicts, stanza
from benchmarks.linter import installed
from benchmarks.machine import RESULTS, heading


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="How many packages at a time.")
@click.option("--limit", default=900.0, show_default=True, help="Seconds that one package may take.")
def main(names: tuple[str, ...], jobs: int, limit: float) -> None:
    """Lint all packages (or only those NAMED) and compute the precision.

    Exits with 1 when a finding has no verdict, when the finding of a verdict is gone, or when bn-lint crashes.
    A run over all packages writes benchmarks/results/false_positives.md.
    """
    packages = [package for package in load_packages() if not names or package.name in names]
    unknown = set(names) - {package.name for package in packages}
    if unknown:
        raise click.UsageError(f"packages.toml has no {', '.join(sorted(unknown))}.")
    verdicts, head = load_verdicts(), heading("benchmarks.false_positives")

    def run(package: Package) -> Outcome:
        outcome = lint(package, linter, limit)
        problems = "".join(f"\n  {crash}" for crash in outcome.crashes)
        count = len(outcome.findings)
        click.echo(f"{package.name} {package.version}: {count} findings, {outcome.cpu:.1f} s{problems}", err=True)
        return outcome

    # The largest first, so that none of them is left for the end, when there is nothing to do beside it.
    order = sorted(packages, key=size, reverse=True)
    with installed() as linter, ThreadPoolExecutor(max_workers=jobs) as pool:
        found = dict(zip(order, pool.map(run, order)))
    outcomes = [found[package] for package in packages]
    judgment = judge([f for outcome in outcomes for f in outcome.findings], verdicts, packages)
    report = render(outcomes, judgment, head)
    if names:
        click.echo(report, nl=False)
    else:
        target = RESULTS / "false_positives.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text(report, encoding="utf-8")
        click.echo(report.partition("\n## ")[0])
    if judgment.unjudged:
        click.echo(f"\nRead these, and add to {VERDICTS.name}:\n", err=True)
        click.echo("\n".join(stanza(finding) for finding in judgment.unjudged), err=True)
    reasons = failures(outcomes, judgment)
    for reason in reasons:
        click.echo(reason, err=True)
    sys.exit(1 if reasons else 0)


if __name__ == "__main__":
    main()
