"""Holds the tracer against training scripts of other people: `python -m benchmarks.scripts`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.machine import RESULTS, ROOT, heading
from benchmarks.scripts.measure import Result, measured
from benchmarks.scripts.scripts import load_scripts
from benchmarks.scripts.surroundings import load
from benchmarks.sources import source

_TORCHVISION = ("torchvision", "0.28.0")
_SAME, _WRONG = "yes", "**wrong:** "
_COLUMN = 5  # that of "Same"
_EXPLANATION = """\
Each script is run as it is in its repository, with made-up data and few steps: without the tracer and with it. *Same*
means that every loss, and every parameter, gradient and buffer after every optimizer step, are the same to the bit, as
are the random numbers that would come next, what is printed (without numbers), and the exit code. *Layers* are the
BatchNorm layers that were called, *losses* the calls of `backward`, *steps* those of the optimizers."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--stats", is_flag=True, help="Run the tracer with --stats, too.")
@click.option("--clones", type=click.Path(path_type=Path), help="Folder with clones of the repositories, OWNER+NAME.")
def main(names: tuple[str, ...], stats: bool, clones: Path | None) -> None:
    """Run the scripts whose name contains one of NAMES, or all of them.

    Their rows in benchmarks/results/scripts.md are replaced, one after the other. It exits with 1 when a run with the
    tracer differs from the one without, or when a finding is not known to be true.
    """
    every = load_scripts()
    # What the scripts may import; their own folder takes the first place.
    sys.path[1:1] = [str(source(*_TORCHVISION)), str(Path(__file__).with_name("stand_ins"))]
    sys.path += [str(ROOT), str(ROOT / "rules")]
    load()
    head = heading("benchmarks.scripts")
    commit = next(line for line in head.splitlines() if "Commit: " in line).partition("Commit: ")[2]
    wrong = False
    with tempfile.TemporaryDirectory(prefix="bn-lint-scripts-") as folder:
        for script in every:
            if not names or any(name in script.name for name in names):
                result = measured(script, clones, Path(folder), stats=stats)
                _write(head, [one.name for one in every], script.name, _row(result, commit))
                if result.broken or result.unjudged:
                    wrong = True
                    click.echo(f"{script.name}: {result.broken}\n{result.plain.errors[-500:]}", err=True)
                    click.echo("".join(f"  {finding}\n" for finding in result.unjudged), err=True)
    sys.exit(wrong)


def _write(head: str, names: Sequence[str], name: str, row: str) -> None:
    """Put one row into the report; the others stay as they are."""
    path = RESULTS / "scripts.md"
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in before if line.startswith("| ")} | {name: row}
    kept = [rows[each] for each in names if each in rows]
    same = sum(line.split(" | ")[_COLUMN] == _SAME for line in kept)
    wrong = sum(line.count(_WRONG) for line in kept)
    projects = len({line.split()[1] for line in kept})
    lines = [
        "# Real training scripts",
        "",
        head,
        "",
        _EXPLANATION,
        "",
        f"{same} of {len(kept)} scripts, of {projects} repositories, are the same with the tracer and without.",
        f"Findings that are wrong: {wrong}.",
        "",
        "| Script | Commit | Layers | Steps | Losses | Same | Findings, all read |",
        "|---|---|--:|--:|--:|---|---|",
        *kept,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(result: Result, commit: str) -> str:
    computed = result.plain.computed
    found = dict.fromkeys(one for findings in result.findings.values() for one in findings)
    told = "; ".join(f"{_WRONG * (one in result.unjudged)}{_short(one)}" for one in found)
    steps, losses = computed.get("steps", 0), computed.get("backwards", 0)
    cells = (result.script.name, commit, result.layers, steps, losses, result.broken or _SAME, told or "none")
    return f"| {' | '.join(map(str, cells))} |"


def _short(finding: str) -> str:
    """A finding without its message."""
    return ":".join(finding.split(":")[:2])


if __name__ == "__main__":
    main()
