"""Compares what two revisions say about the same code: `python -m benchmarks.unchanged --base REVISION`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import click

from benchmarks.linter import installed
from benchmarks.machine import ROOT
from benchmarks.unchanged.differences import differences
from benchmarks.unchanged.inputs import QUICK, Input, inputs
from benchmarks.unchanged.revisions import exported
from benchmarks.unchanged.snapshot import Endless, Side, Snapshot

#: Of the differences in one input, so many are shown.
_MOST_SHOWN = 20


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--base", required=True, metavar="REVISION", help="What to compare with.")
@click.option("--new", metavar="REVISION", help="What to compare (default: this checkout as it is).")
@click.option("--quick", is_flag=True, help="Lint a few inputs only.")
@click.option("--fresh", is_flag=True, help="Lint anew what was linted before, too.")
@click.option("--jobs", default=1, show_default=True, help="How many inputs at a time.")
@click.option("--limit", default=1800.0, show_default=True, help="Seconds that one run may take.")
def main(names: tuple[str, ...], base: str, new: str | None, quick: bool, fresh: bool, jobs: int, limit: float) -> None:
    """Lint all inputs (or only those NAMED) with two revisions, and show what differs.

    NAMES are fixtures, specifications, and packages of benchmarks/false_positives/packages.toml. The fixtures and
    specifications are those of the base, for both. Exits with 1 when anything differs.
    """
    with ExitStack() as stack:
        try:
            checkouts = [stack.enter_context(exported(base))]
            checkouts.append(ROOT if new is None else stack.enter_context(exported(new)))
        except subprocess.CalledProcessError as error:
            raise click.UsageError(error.stderr.decode(errors="replace").strip()) from None
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bn-lint-")))
        chosen = _chosen(inputs(checkouts[0], scratch), [*names, *(QUICK if quick else ())])
        sides = [Side.of(stack.enter_context(installed(checkout))) for checkout in checkouts]

        def run(one: Input) -> bool:
            try:
                snapshots = [side.snapshot(one, limit=limit, fresh=fresh) for side in sides]
            except Endless as error:
                click.echo(str(error))
                return False
            return _compare(one, *snapshots)

        with ThreadPoolExecutor(max_workers=jobs) as pool:
            equal = list(pool.map(run, chosen))
    click.echo(f"{sum(equal)} of {len(equal)} inputs are unchanged.")
    sys.exit(0 if all(equal) else 1)


def _chosen(known: Sequence[Input], names: Sequence[str]) -> list[Input]:
    unknown = set(names) - {one.name for one in known}
    if unknown:
        raise click.UsageError(f"There is no input {', '.join(sorted(unknown))}.")
    return [one for one in known if not names or one.name in names]


def _compare(one: Input, base: Snapshot, new: Snapshot) -> bool:
    """Says how the snapshots differ; returns whether they are equal. Crashes prove nothing, not even equal ones."""
    if base.lacks_steps:
        raise click.UsageError("The base does not tell its steps: it knows nothing of BN_LINT_ENGINE.")
    found = differences(base.document, new.document)
    seconds = ", ".join("known" if each.cpu is None else f"{each.cpu:.1f} s" for each in (base, new))
    crashed = "crash" in base.document or "crash" in new.document
    verdict = f"{len(found)} differences" if found else "no report" if crashed else "unchanged"
    lines = [f"{one.name}: {verdict} ({base.steps:,} steps; {seconds})"]
    lines += [f"  {line}" for line in found[:_MOST_SHOWN] or ([base.document["crash"]] if crashed else [])]
    if len(found) > _MOST_SHOWN:
        lines.append(f"  and {len(found) - _MOST_SHOWN} more: compare {base.path} with {new.path}")
    click.echo("\n".join(lines))
    return not found and not crashed


if __name__ == "__main__":
    main()
