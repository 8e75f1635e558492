"""Runs the benchmark of mode and batch mutants and writes its report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.linter import installed
from benchmarks.machine import RESULTS, heading
from benchmarks.modes.score import candidates, score, unjudged
from benchmarks.modes.scripts import load_scripts, load_verdicts, stanza
from benchmarks.modes.table import by_operator, by_script, document
from benchmarks.mutation.score import Command

LINTER = "{python} -m bn_lint check --isolated --no-project --no-cache --output-format json {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 1 where a mutant has no verdict, or a verdict no mutant."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modes", description=__doc__)
    add = parser.add_argument
    add("--script", action="append", metavar="TEXT", help="only scripts with this in their names (repeatable)")
    add("--linter", default=LINTER, help="a command that prints a JSON report on {path} (default: this checkout)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes at the same time (default: all cores)")
    add("--output", type=Path, help="the report (default: results/modes.md for a full run, else none)")
    options = parser.parse_args(arguments)
    known = load_verdicts()
    scripts = [s for s in load_scripts() if not options.script or any(text in s.name for text in options.script)]
    scores = []
    missing: list[str] = []
    with installed() as checkout:
        head = heading("benchmarks.modes")  # while the linter is what was just installed
        linter = Command(options.linter, checkout.environment)
        for script in scripts:
            missing += [stanza(script, mutant) for mutant in unjudged(script, known)]
            scores.append(score(script, known, linter, jobs=options.jobs))
            _say(by_script(scores[-1:]).splitlines()[4])
    text = document(f"{head}\n* Linter: `{options.linter}`", scores)
    full = not options.script and options.linter == LINTER
    output = options.output or (RESULTS / "modes.md" if full else None)
    if output is None:
        _say(text)
    else:
        output.parent.mkdir(exist_ok=True)
        output.write_text(text, encoding="utf-8")
        _say(f"{by_script(scores)}\n\n{by_operator(scores)}")
    made = {(script.name, mutant.line, mutant.operator) for script in scripts for mutant in candidates(script)}
    named = {script.name for script in scripts}
    gone = [entry for entry in known if entry[0] in named and entry not in made]
    for entry in gone:
        _say("verdicts.toml is about a mutant that does not exist: {}:{} {}".format(*entry))
    if missing:
        _say("Read these, and add to verdicts.toml:\n\n" + "\n".join(missing))
    return 1 if missing or gone else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
