"""What is mutated, and what must hold for every mutant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random

from benchmarks.fuzz.cells import cell, compare
from benchmarks.fuzz.conversation import hold, send
from benchmarks.fuzz.grammar import sentence
from benchmarks.fuzz.mutants import document, program, stream, text
from benchmarks.fuzz.states import branching, compare_states, model, state
from benchmarks.machine import ROOT
from benchmarks.sources import source
from bn_lint.check.fix import fix
from bn_lint.check.pipeline import check
from bn_lint.check.registry import load_rules
from bn_lint.check.report import Report
from bn_lint.errors import BnLintError
from bn_lint.output import FORMATS, render
from bn_lint.output.cells import in_cells
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File
from bn_lint.project.source import from_bytes

SEEDS = Path(__file__).parent / "seeds"
#: Whole programs of the fixtures that are larger than this only take longer.
_LARGE = 6_000


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        file: What a mutant is called.
        seeds: Gives the files that are mutated.
        mutate: Makes a mutant of one of them.
        survive: Reads a mutant; it raises whatever is a defect of bn-lint.
        downloads: The seeds are of released packages.
        share: How many of a thousand mutants are of this kind: some take long.
        needs: A package that need not be there.
        makes_sense: Whether functions are called as they are meant to be. Otherwise what the engine's own functions
            raise when they are not, which makes a value unknown, is no defect.
    """

    file: str
    seeds: Callable[[], list[Path]]
    mutate: Callable[[Random, bytes], bytes]
    survive: Callable[[Path], None]
    downloads: bool = False
    share: int = 1
    needs: str = ""
    makes_sense: bool = True

    @property
    def is_here(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None

    def mutant(self, random: Random) -> bytes:
        return self.mutate(random, random.choice(self.seeds()).read_bytes())


def _programs() -> list[Path]:
    return sorted(path for path in (ROOT / "fixtures").rglob("*.py") if path.stat().st_size < _LARGE)


@cache
def _released() -> list[Path]:
    """Files of other people, who write what nobody here thinks of."""
    folders = [source(name, version) for name, version in (("torchvision", "0.28.0"), ("pretrainedmodels", "0.7.4"))]
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*.py")
        if path.stat().st_size < 3 * _LARGE and b"orch" in path.read_bytes()
    )


def _lint(path: Path) -> None:
    """Check a file, write the report in all formats, and see that fixes leave a file that can be read."""
    files = [File(str(path), path.name, explicit=True)]

    def judge(files: object) -> Report:
        return check(files, Configuration(isolated=True))  # type: ignore[arg-type]

    report = judge(files)
    for name in FORMATS:
        shown = render(in_cells(report), name, color=False, coverage=True)
        if name in ("json", "sarif", "gitlab"):
            json.loads(shown)
    outcome = fix(report, files, judge, unsafe=True, write=False)  # type: ignore[arg-type]
    for change in outcome.changes:
        from_bytes(change.after.data, path, path.name)
    internal = [problem.message for problem in outcome.report.problems if problem.internal]
    assert not internal, internal


def _configure(path: Path) -> None:
    """Read settings, and ask them what a run asks."""
    try:
        configuration = Configuration(allow_plugins=[])
        model = path.with_name("model.py")
        settings = configuration.settings_for(model)
        settings.excludes(model)
        settings.excludes(path.parent / "legacy" / ("a" * 200) / "aa.py")
        settings.check_selectors(load_rules())
        for rule in load_rules():
            settings.severity_in(model, rule, rule.severity.value)
    except BnLintError:
        return


def _converse(path: Path) -> None:
    """Say to the language server what stands in a file: a list of messages."""
    try:
        messages = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    hold(messages if isinstance(messages, list) else [messages], path.parent)


def _send(path: Path) -> None:
    """Send the language server what stands in a file."""
    send(path.read_bytes(), path.parent)


def _show_trace(path: Path) -> None:
    """Read a trace, judge it, and show it as a report, a table and a page."""
    from bn_lint.runtime.document.document import dumps, load
    from bn_lint.runtime.judging.judge_trace import judge
    from bn_lint.runtime.showing.html.page import page
    from bn_lint.runtime.showing.table import table

    try:
        trace = load(str(path))
    except BnLintError:
        return
    report = judge(trace, isolated=True, saved=True)
    internal = [problem.message for problem in report.problems if problem.internal]
    assert not internal, internal
    for name in FORMATS:
        render(report, name, color=False)
    table(trace)
    page(trace, report)
    dumps(trace)


KINDS = {
    "notebooks": Kind("mutant.ipynb", lambda: sorted(SEEDS.glob("*.ipynb")), document, _lint, share=450),
    "texts": Kind("mutant.py", _programs, text, _lint, share=25),
    "programs": Kind("mutant.py", _programs, program, _lint, share=12),
    "sentences": Kind("mutant.py", lambda: [SEEDS / "train.txt"], sentence, _lint, makes_sense=False, share=4),
    "released texts": Kind("mutant.py", _released, text, _lint, downloads=True, share=8),
    "released programs": Kind("mutant.py", _released, program, _lint, downloads=True, share=4),
    "cells": Kind("cell.txt", lambda: [SEEDS / "train.txt"], cell, compare, needs="IPython", share=50),
    "states": Kind("program.py", lambda: [SEEDS / "state.txt"], state, compare_states, share=30),
    "branches": Kind("program.py", lambda: [SEEDS / "state.txt"], branching, compare_states, share=30),
    "models": Kind("program.py", lambda: [SEEDS / "model.txt"], model, compare_states, needs="torch", share=20),
    "configurations": Kind("bn-lint.toml", lambda: [SEEDS / "settings.toml"], text, _configure, share=210),
    "conversations": Kind(
        "conversation.json", lambda: [SEEDS / "conversation.json"], document, _converse, needs="pygls", share=17
    ),
    "streams": Kind("stream.bin", lambda: [SEEDS / "conversation.json"], stream, _send, needs="pygls", share=20),
    "traces": Kind("trace.json", lambda: [SEEDS / "trace.json"], document, _show_trace, share=150),
}
