"""Runs the mutation benchmark and writes its report."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.linter import installed
from benchmarks.machine import RESULTS, heading
from benchmarks.mutation.libraries import Library, libraries
from benchmarks.mutation.score import Command, verdicts
from benchmarks.mutation.table import Score, by_library, document
from benchmarks.mutation.truth import truth

LINTER = "{python} -m bn_lint check --isolated --no-project --no-cache --output-format json --show-coverage {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    names = [library.name for library in libraries()]
    add = parser.add_argument
    add("--library", action="append", choices=names, help="only this library (repeatable)")
    add("--linter", default=LINTER, help="a command that prints a JSON report on {path} (default: this checkout)")
    add("--mutants", type=int, default=60, metavar="N", help="mutants to make for each library (default: 60)")
    add("--sample", type=int, metavar="N", help="score only so many of them, for a quick look")
    add("--seed", type=int, default=0, help="of the choice of mutants (default: 0)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes at the same time (default: all cores)")
    add("--paths", choices=["package", "files"], help="what is linted; the default depends on the library (see README)")
    add("--make-only", action="store_true", help="make the mutants, and score nothing")
    add("--output", type=Path, help="the report (default: results/mutation.md for a full run, else none)")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    scores = []
    with installed() as checkout:
        head = heading("benchmarks.mutation")  # while the linter is what was just installed
        linter = Command(options.linter, checkout.environment)
        for library in libraries():
            if options.library and library.name not in options.library:
                continue
            score = _score(library, linter, options)
            if score is not None:
                scores.append(score)
                _say("\n".join(by_library([score]).splitlines()[2:5]))
    if not scores:
        return 0
    making = sum(score.truth.seconds for score in scores)
    head += (
        f"\n* Linter: `{options.linter}`\n* Time: {(time.monotonic() - begin) / 60:.0f} minutes "
        f"(making the mutants took {making / 60:.0f}, in this run or in an earlier one)"
    )
    text = document(head, scores)
    full = not options.library and options.sample is None and options.paths is None and options.linter == LINTER
    output = options.output or (RESULTS / "mutation.md" if full else None)
    if output is None:
        _say(text)
    else:
        output.write_text(text, encoding="utf-8")
        _say(by_library(scores))
    return 0


def _score(library: Library, linter: Command, options: argparse.Namespace) -> Score | None:
    made = truth(library, wanted=options.mutants, seed=options.seed, jobs=options.jobs)
    _say(
        f"{library.name} {library.version}: {made.sites} calls, {made.tried} mutants tried, "
        f"{len(made.mutants)} raise; made in {made.seconds:.0f} s"
    )
    if options.make_only:
        return None
    mutants = [case.mutant for case in made.mutants[: options.sample]]
    controls = [case.mutant for case in made.controls[: options.sample]]
    by_file = library.by_file if options.paths is None else options.paths == "files"
    changes = [*mutants, *controls]
    found = list(verdicts(linter, library.folder(), library.package, changes, by_file=by_file, jobs=options.jobs))
    title = f"{library.name} {library.version}"
    return Score(title, made, tuple(found[: len(mutants)]), tuple(found[len(mutants) :]), by_file, library.research)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
