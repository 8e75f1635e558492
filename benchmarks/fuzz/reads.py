"""Edits single definitions of released packages, and looks at the entry points that did not read them.

`python -m benchmarks.fuzz.reads --edits 100` puts statements into functions and classes and changes numbers in them. An
entry point that did not read the definition must take the same steps as before.
"""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random

import click

from benchmarks.machine import RESULTS, heading
from benchmarks.sources import source
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import discover
from bn_lint.project.filesystem import FileSystem, RecordingFileSystem
from bn_lint.project.partition import Unit, divide
from bn_lint.project.prefilter import deserves_judging
from bn_lint.project.source import Source, from_bytes
from bn_lint.static.analyze import Analyzer
from bn_lint.static.entry_points import Ending, definitions_in
from bn_lint.static.syntax.tree import walk
from bn_lint.static.undisturbed import undisturbed

#: Released packages, and the folders of them that are edited.
PACKAGES = (
    ("torchvision", "0.28.0", "torchvision"),
    ("torchreid", "0.2.5", "."),
    ("segmentation-models-pytorch", "0.6.0", "."),
)
#: A definition at the top level of a file: its path, and which of them it is, from 0.
Definition = tuple[Path, int]


@dataclass(frozen=True)
class Turn:
    """Entry points of one file that followed each other, and so share remembered calls.

    Attributes:
        entries: What was run, and how it ended.
        steps: Of each, without those of modules that it was the first to import.
        read: The definitions that they read.
    """

    entries: tuple[tuple[str, ...], ...]
    steps: tuple[int, ...]
    read: frozenset[Definition]

    @property
    def cost(self) -> int:
        """The steps of all of them."""
        return sum(self.steps)


def turns(unit: Unit) -> list[Turn]:
    """The turns of the analysis of a unit, in order."""
    disk = FileSystem({str(each.path): each.text.encode("utf-8", "surrogatepass") for each in unit.files})
    analyzer = Analyzer(unit.sources, [each.path for each in unit.context], RecordingFileSystem(disk))
    undisturbed(analyzer.analyze)
    numbers = {
        inner: (path, number)
        for path, file in analyzer.project.files.items()
        if path in {each.path for each in unit.files} and file is not None and file.path in file_paths(analyzer)
        for number, definition in enumerate(definitions_in(file.tree))
        for inner in walk(definition)
    }
    found = []
    for _, runs in groupby(analyzer.runs, key=lambda run: id(run.read)):
        own = list(runs)
        read = analyzer.interpreter.reads.all_of(own[0].read)
        found.append(
            Turn(
                tuple((run.entry.file.display, run.entry.reason.name, run.entry.name, run.ending.name) for run in own),
                tuple(run.steps - run.imports for run in own if run.ending is not Ending.NOT_RUN),
                frozenset(numbers[node] for node in read.definitions if node in numbers),
            )
        )
    return found


def file_paths(analyzer: Analyzer) -> frozenset[Path]:
    """The files that were parsed, without an error."""
    return frozenset(path for path in analyzer.project.filesystem.parsed if path not in analyzer.interpreter.unparsed)


def wrong_after(before: Sequence[Turn], after: Sequence[Turn], edited: Definition) -> tuple[int, list[Turn]]:
    """How many turns that did not read a definition could be compared after it was edited; those that differ."""
    by_entries: dict[object, list[Turn]] = {}
    for turn in after:
        by_entries.setdefault(turn.entries, []).append(turn)
    pairs = [
        (turn, by_entries[turn.entries].pop(0))
        for turn in before
        if edited not in turn.read and by_entries.get(turn.entries)
    ]
    return len(pairs), [old for old, new in pairs if old.steps != new.steps]


def edits_of(text: str, number: int) -> Iterator[tuple[str, str]]:
    """A text with one of its definitions edited, in several ways, and what was done."""
    tree = ast.parse(text)
    definition = _definitions(tree)[number]
    lines = text.split("\n")
    functions = [node for node in ast.walk(definition) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    bodies = [each.body[0] for each in functions if each.body[0].lineno > each.lineno]
    for what, statement in (("a statement", "unused = 0"), ("a result", "return None")):
        changed = list(lines)
        for first in sorted(bodies, key=lambda each: -each.lineno):
            changed.insert(first.lineno - 1, " " * first.col_offset + statement)
        if bodies:
            yield what, "\n".join(changed)
    literals = [
        node
        for body in functions
        for statement in body.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1 and text.isascii()
    ]
    changed = list(lines)
    for node in sorted(set(literals), key=lambda each: (-each.lineno, -each.col_offset)):
        line = changed[node.lineno - 1]
        changed[node.lineno - 1] = f"{line[: node.col_offset]}{node.value + 1}{line[node.end_col_offset :]}"
    if literals:
        yield "numbers", "\n".join(changed)


def _definitions(tree: ast.Module) -> list[ast.stmt]:
    """What `definitions_in` finds, in the same order."""
    found: list[ast.stmt] = []
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(node)
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            pending = [*ast.iter_child_nodes(node), *pending]
    return found


def edited(unit: Unit, path: Path, text: str) -> Unit:
    """A unit with another text of one of its files."""

    def now(each: Source) -> Source:
        return Source(each.path, each.display, text, each.encoding) if each.path == path else each

    return Unit(tuple(map(now, unit.sources)), tuple(map(now, unit.context)))


def largest_unit(folder: Path) -> Unit:
    """The unit of a folder with the most files."""
    configuration = Configuration(isolated=True)
    files = discover([str(folder)], lambda path: configuration.settings_for(path).excludes(path)).files
    data: Mapping[Path, bytes] = {file.path: file.path.read_bytes() for file in files}
    given = [from_bytes(data[file.path], file.path, file.display) for file in files]
    judged = [each for each in given if deserves_judging(data[each.path])]
    others = [each for each in given if each not in judged]
    return max(divide(judged, others, RecordingFileSystem()), key=lambda unit: len(unit.files))


@click.command(help=__doc__)
@click.option("--edits", default=60, show_default=True, help="Edits of all packages together.")
@click.option("--seed", default=0, show_default=True, help="Other edits.")
def main(edits: int, seed: int) -> None:
    """Edit, analyze, compare."""
    head = heading("benchmarks.fuzz.reads")
    rows, wrong = [], 0
    for name, version, below in PACKAGES:
        random, began = Random(f"{name} {seed}"), time.process_time()
        unit = largest_unit(source(name, version) / below)
        before = turns(unit)
        texts = {each.path: each.text for each in unit.files}
        known = sorted({definition for turn in before for definition in turn.read})
        every = sum(turn.cost for turn in before)
        shares = sorted(sum(turn.cost for turn in before if one in turn.read) / every for one in known)
        compared, differing, made = 0, 0, edits // len(PACKAGES)
        for _ in range(made):
            path, number = random.choice(known)
            what, text = random.choice(list(edits_of(texts[path], number)) or [("nothing", texts[path])])
            same, different = wrong_after(before, turns(edited(unit, path, text)), (path, number))
            compared, differing = compared + same, differing + len(different)
            for turn in different:
                click.echo(f"{name}: {what} in definition {number} of {path}: {turn.entries[0]}")
        wrong += differing
        concerned = " | ".join(f"{100 * shares[len(shares) * part // 100]:.1f}" for part in (50, 90))
        rows.append(
            f"| {name} {version} | {len(before)} | {len(known)} | {concerned} | {made} | {compared} | {differing} |"
        )
        click.echo(f"{rows[-1]} {time.process_time() - began:.0f} s")
    explained = (
        "A *turn* is what is run of one file without a break. Of the *definitions* that are read at all, one in the"
        " middle, and one that is read more often than nine in ten, concern so many percent of all steps. After each"
        " edit of a definition, the turns that did not read it and whose entry points are the same are *compared* with"
        " those before."
    )
    columns = "| Package | Turns | Definitions | Median, % | 90 % | Edits | Compared | Differences |"
    table = "\n".join((columns, "|---|--:|--:|--:|--:|--:|--:|--:|", *rows))
    (RESULTS / "reads.md").write_text(
        f"# What entry points read\n\n{head}\n\n{explained}\n\n{table}\n", encoding="utf-8"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
