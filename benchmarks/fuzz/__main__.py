"""Feeds mutants to bn-lint: `python -m benchmarks.fuzz notebooks --runs 5000`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType

import click

from benchmarks.fuzz.kinds import KINDS, Kind
from benchmarks.machine import RESULTS, heading
from bn_lint.debugging import STRICT, VARIABLE

#: Seconds of processor time after which an input has no end.
_PATIENCE = 60


class NoEnd(BaseException):
    """A mutant takes too long."""


def random_for(kind: str, seed: int, number: int) -> Random:
    """The random numbers of one mutant: it can be made again without those before it."""
    return Random(f"{kind} {seed} {number}")


def broken_by(kind: Kind, data: bytes) -> BaseException | None:
    """What bn-lint breaks with when it reads an input; the working directory is one of its own meanwhile."""
    before = os.getcwd()
    os.environ[VARIABLE] = STRICT if kind.makes_sense else ""
    with tempfile.TemporaryDirectory(prefix="bn-lint-fuzz-") as folder:
        path = Path(folder).resolve() / kind.file
        path.write_bytes(data)
        os.chdir(path.parent)
        try:
            kind.survive(path)
        except (Exception, NoEnd) as error:
            return error
        finally:
            os.chdir(before)
    return None


def place_of(error: BaseException) -> str:
    """Where an error comes from: the innermost line of bn-lint."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "bn_lint" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}"


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise NoEnd(f"no end in {_PATIENCE} seconds of processor time")

    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@click.command(help=__doc__)
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
@click.option("--runs", default=10_000, show_default=True, help="Mutants; of all kinds, each has its share.")
@click.option("--seed", default=0, show_default=True, help="Other mutants.")
@click.option("--first", default=0, show_default=True, help="The number of the first mutant.")
@click.option("--save", type=click.Path(path_type=Path), help="A folder for the inputs that break something.")
def main(kinds: tuple[str, ...], runs: int, seed: int, first: int, save: Path | None) -> None:
    """Make mutants, and tell which break bn-lint: of each place that breaks, the shortest.

    Without kinds it writes benchmarks/results/fuzz.md.
    """
    head, rows = heading("benchmarks.fuzz"), []
    found: dict[str, tuple[bytes, str]] = {}
    for name in kinds or [name for name, kind in KINDS.items() if kind.is_here]:
        kind, start, slowest, broken = KINDS[name], time.process_time(), (0.0, 0), 0
        count = runs if kinds else runs * kind.share // 1000
        for number in range(first, first + count):
            data = kind.mutant(random_for(name, seed, number))
            before = time.process_time()
            with _patience():
                error = broken_by(kind, data)
            slowest = max(slowest, (time.process_time() - before, number))
            if error is not None:
                broken += 1
                key = f"{name}: {place_of(error)}: {str(error)[:200]}"
                if key not in found or len(data) < len(found[key][0]):
                    found[key] = data, f"{name}-{seed}-{number}{Path(kind.file).suffix}"
                    click.echo(f"{key} (mutant {number})")
            if isinstance(error, NoEnd):
                break  # the analysis still runs
        seconds = time.process_time() - start
        click.echo(f"{name}: {count} mutants, {seconds:.0f} s, the slowest {slowest[0]:.1f} s (number {slowest[1]})")
        rows.append((name, count, broken, slowest[0]))
    if not kinds:
        (RESULTS / "fuzz.md").write_text(_report(head, rows), encoding="utf-8")
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        for data, file in found.values():
            (save / file).write_bytes(data)
    sys.exit(bool(found))


def _report(head: str, rows: list[tuple[str, int, int, float]]) -> str:
    """Markdown: what was read, and what broke bn-lint."""
    whole = sum(count for _, count, _, _ in rows), sum(broken for _, _, broken, _ in rows)
    table = ["| Kind | Inputs | Broke bn-lint | Slowest (CPU s) |", "|---|--:|--:|--:|"]
    table += [f"| {name} | {count:,} | {broken} | {slowest:.1f} |" for name, count, broken, slowest in rows]
    table.append(f"| all | {whole[0]:,} | {whole[1]} | {max(row[3] for row in rows):.1f} |")
    return "\n\n".join(["# Fuzzing", head, "\n".join(table)]) + "\n"


if __name__ == "__main__":
    main()
