"""Lints packages in every way that must make no difference: `python -m benchmarks.same`.

The order of the files, the number of processes, the seed of hashes, and whether there is a cache: the whole reports are
compared. That the machine makes no difference is shown by tests: the engine counts steps and looks at no clock.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click

from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import measure
from benchmarks.sources import source

PACKAGES = (
    ("efficientnet-pytorch", "0.7.1", "efficientnet_pytorch"),
    ("resnest", "0.0.5", "resnest"),
    ("torchsat", "0.0.1", "torchsat"),
    ("piano-transcription-inference", "0.0.6", "piano_transcription_inference"),
)


@dataclass(frozen=True)
class Way:
    """One way to lint the same files.

    Attributes:
        shuffled: The files are given by name, in another order.
        cached: What is kept of earlier runs is used, and kept.
    """

    name: str
    options: tuple[str, ...] = ("-j", "1")
    environment: Mapping[str, str] | None = None
    shuffled: int | None = None
    cached: bool = False


WAYS = (
    Way("folder, one process"),
    Way("two processes", ("-j", "2")),
    Way("hash seed 1", environment={"PYTHONHASHSEED": "1"}),
    Way("hash seed 2, two processes", ("-j", "2"), {"PYTHONHASHSEED": "2"}),
    Way("another order", shuffled=1),
    Way("a third order, two processes, hash seed 3", ("-j", "2"), {"PYTHONHASHSEED": "3"}, shuffled=2),
    Way("empty cache", cached=True),
    Way("full cache", cached=True),
    Way("full cache, another order, hash seed 4", environment={"PYTHONHASHSEED": "4"}, shuffled=3, cached=True),
)


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
def main(names: Sequence[str]) -> None:
    """Lint, compare, and write benchmarks/results/same.md."""
    head = heading("benchmarks.same")
    chosen = [package for package in PACKAGES if not names or package[0] in names]
    rows, failed = [], False
    with installed() as linter:
        for name, version, below in chosen:
            folder = source(name, version) / below
            differing = _differing(linter, folder)
            failed |= bool(differing)
            files = len(list(folder.rglob("*.py")))
            rows.append(f"| {name} {version} | {files} | {len(WAYS)} | {', '.join(differing) or 'none'} |")
            click.echo(rows[-1])
    ways = "\n".join(f"* {way.name}" for way in WAYS)
    table = "| Package | Files | Ways | Ways with another report |\n|---|--:|--:|---|\n" + "\n".join(rows)
    explained = (
        "The whole reports (JSON, with the coverage and all rules) of these ways to lint a package are compared:"
    )
    if not names:
        text = f"# Ways that make no difference\n\n{head}\n\n{explained}\n\n{ways}\n\n{table}\n"
        (RESULTS / "same.md").write_text(text, encoding="utf-8")
    raise SystemExit(failed)


def _differing(linter: Linter, folder: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as cache:
        reports = {way.name: _report(linter, folder, way, Path(cache)) for way in WAYS}
    first = next(iter(reports.values()))
    return [name for name, report in reports.items() if report != first]


def _report(linter: Linter, folder: Path, way: Way, cache: Path) -> object:
    paths = [folder.name]
    if way.shuffled is not None:
        paths = sorted(path.relative_to(folder.parent).as_posix() for path in folder.rglob("*.py"))
        Random(way.shuffled).shuffle(paths)
    keep = ("--cache-dir", str(cache)) if way.cached else ("--no-cache",)
    output = ("--output-format", "json", "--show-coverage", "--select", "ALL", "--ignore", "BN900", "--exit-zero")
    run = measure(
        (*linter.command, "check", "--isolated", *output, *keep, *way.options, *paths),
        folder=folder.parent,
        environment={**linter.environment, **(way.environment or {})},
    )
    if run.code:
        raise RuntimeError(f"{way.name}: {run.errors}")
    return json.loads(run.output)


if __name__ == "__main__":
    main()
