"""Edits released packages at random, and compares a run that has a cache with one that has none.

`python -m benchmarks.fuzz.edits --edits 1000` puts mistakes in and takes them out, adds, removes, renames and shadows
files. After each edit the report of a run with the cache of all runs before must be that of a run without.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest.mock import patch

import click

from benchmarks.machine import RESULTS, heading
from benchmarks.sources import source
from bn_lint.check.cache import Cache
from bn_lint.check.pipeline import check
from bn_lint.output import render
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import discover
from bn_lint.static.turns.keeper import Keeper
from bn_lint.static.turns.record import Entry

#: Small released packages, the folders of them that are edited, and of how many edits in a hundred.
PACKAGES = (
    ("gan-pytorch", "0.4.0", ".", 60),
    ("piano-transcription-inference", "0.0.6", ".", 8),
    ("efficientnet-pytorch", "0.7.1", "efficientnet_pytorch", 2),
    ("medicaltorch", "0.2", ".", 30),
)
#: What comments and docstrings say: some of it the engine looks for in texts.
_REMARKS = (
    "a remark",
    "",
    "BatchNorm2d(8)",
    "import utils",
    "the weights of self.bn1, bn1",
    "model.eval() and (brackets",
    "if training > 1:",
    "x" * 100,
)
#: What is put in front of a statement.
_STATEMENTS = ("unused = 1", "self = self", "pass", "x = 0 * 1", "print('here')", "if True: pass")
#: How many reports have the coverage, for which everything is run.
_WITH_COVERAGE = 1 / 3
_MISTAKES = (
    ("BatchNorm2d(", "BatchNorm2d(1 + "),
    (".eval()", ".eval"),
    ("nn.Conv2d(", "nn.Conv2d(7 * "),
    ("momentum", "momentumm"),
    ("import", "import os,"),
    ("\n\n\n", "\nnn.BatchNorm2d(8, 8)\n"),
    ("self.bn", "self.other"),
    (":\n", "\n"),
)


@dataclass(frozen=True)
class Edit:
    """What was done to which file, in words."""

    what: str
    where: str


class Editor:
    """Changes the files below a folder; each file can get back what it had in the beginning."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._folder = folder
        self._random = random
        self._original = {path: path.read_bytes() for path in sorted(folder.rglob("*.py"))}

    @property
    def files(self) -> int:
        """How many there were in the beginning."""
        return len(self._original)

    def edit(self) -> Edit:
        """Make one edit."""
        kinds: Sequence[Callable[[], Edit | None]] = (
            *(self._mistake, self._mistake, self._mistake, self._restore, self._restore, self._restore),
            *(self._remove, self._add, self._shadow, self._rename, self._line, self._touch),
            *(self._comment, self._comment, self._docstring, self._statement, self._statement),
        )
        while True:
            made = self._random.choice(kinds)()
            if made is not None:
                return made

    def _file(self) -> Path:
        return self._random.choice(sorted(self._folder.rglob("*.py")) or sorted(self._original))

    def _made(self, what: str, path: Path) -> Edit:
        return Edit(what, path.relative_to(self._folder).as_posix())

    def _mistake(self) -> Edit | None:
        path, (before, after) = self._file(), self._random.choice(_MISTAKES)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        places = [at for at in range(len(text)) if text.startswith(before, at)]
        if not places:
            return None
        at = self._random.choice(places)
        path.write_text(text[:at] + after + text[at + len(before) :], encoding="utf-8")
        return self._made(f"{before!r} -> {after!r}", path)

    def _restore(self) -> Edit | None:
        changed = [path for path, data in self._original.items() if not path.exists() or path.read_bytes() != data]
        if not changed:
            return None
        path = self._random.choice(changed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._original[path])
        return self._made("as it was", path)

    def _remove(self) -> Edit | None:
        path = self._file()
        path.unlink(missing_ok=True)
        return self._made("removed", path)

    def _add(self) -> Edit | None:
        path = self._file().with_name(f"added{self._random.randrange(5)}.py")
        used = self._random.choice(sorted(self._original)).stem
        path.write_text(f"from torch import nn\nfrom .{used} import *\nnn.BatchNorm2d(8, momentum=0.99)\n")
        return self._made("added", path)

    def _shadow(self) -> Edit | None:
        """A file in another folder has the name of one that others import, or of a library."""
        name = self._random.choice(("torch", "utils", *(path.stem for path in self._original)))
        path = self._file().parent / f"{name}.py"
        if path.exists():
            return None
        path.write_text("class BatchNorm2d: pass\n")
        return self._made("shadows", path)

    def _rename(self) -> Edit | None:
        path = self._file()
        target = path.with_name(f"renamed{self._random.randrange(3)}.py")
        if not path.exists() or target.exists():
            return None
        path.rename(target)
        return self._made("renamed", path)

    def _line(self) -> Edit | None:
        """A line is gone, or there twice."""
        path = self._file()
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        if not lines:
            return None
        at = self._random.randrange(len(lines))
        lines[at : at + 1] = self._random.choice(([], [lines[at]] * 2))
        path.write_text("".join(lines), encoding="utf-8")
        return self._made("a line", path)

    def _comment(self) -> Edit | None:
        """A comment or an empty line, in a line of its own or behind another one; or one is gone."""
        path = self._file()
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        if not lines:
            return None
        at, remark = self._random.randrange(len(lines)), self._random.choice(_REMARKS)
        kind = self._random.randrange(5)
        if kind == 0:
            lines[at] += f"  # {remark}"
        elif kind == 1:
            lines[at:at] = [" " * 4 * self._random.randrange(4) + f"# {remark}"]
        elif kind == 2:
            lines[at:at] = [""] * self._random.randrange(1, 3)
        else:
            comments = [n for n, line in enumerate(lines) if not line.strip() or line.lstrip().startswith("#")]
            if not comments:
                return None
            del lines[self._random.choice(comments)]
        path.write_text("\n".join(lines), encoding="utf-8")
        return self._made("a comment", path)

    def _docstring(self) -> Edit | None:
        """A docstring begins with other words."""
        path = self._file()
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        places = [at for at in range(len(text)) if text.startswith('"""', at)]
        if not places:
            return None
        at = self._random.choice(places) + 3
        remark = self._random.choice(_REMARKS) + self._random.choice((" ", "\n\n", "\n    "))
        path.write_text(text[:at] + remark + text[at:], encoding="utf-8")
        return self._made("a docstring", path)

    def _statement(self) -> Edit | None:
        """One more statement in front of another that is indented."""
        path = self._file()
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        places = [n for n, line in enumerate(lines) if line[:1] == " " and line.strip()]
        if not places:
            return None
        at = self._random.choice(places)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at:at] = [indent + self._random.choice(_STATEMENTS)]
        path.write_text("\n".join(lines), encoding="utf-8")
        return self._made("a statement", path)

    def _touch(self) -> Edit | None:
        path = self._file()
        if path.exists():
            path.touch()
        return self._made("touched", path)


def report_on(folder: Path, cache: Path | None, *, coverage: bool) -> str:
    """The whole report on a folder, as text; with the cache in a folder."""
    configuration = Configuration(isolated=True)
    found = discover([str(folder)], lambda path: configuration.settings_for(path).excludes(path))
    keep = None if cache is None else lambda rules: Cache(cache, folder, rules)
    report = check(found.files, configuration, unreadable=found.unreadable, cache=keep, coverage=coverage)
    return render(report, "json", color=False, coverage=coverage)


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count meanwhile what is run of programs, and what is shown again without being run."""
    count: Counter[str] = Counter()
    repeat, note = Keeper.repeat, Keeper.note

    def counted_repeat(keeper: Keeper, entry: Entry) -> None:
        count["repeated"] += 1
        repeat(keeper, entry)

    def counted_note(keeper: Keeper, entry: Entry, *, defines: bool, **how: bool) -> None:
        count["run"] += not defines
        note(keeper, entry, defines=defines, **how)

    with patch.object(Keeper, "repeat", counted_repeat), patch.object(Keeper, "note", counted_note):
        yield count


def _share(entries: Counter[str]) -> str:
    return f"{entries['repeated']} of {entries.total()}"


@click.command(help=__doc__)
@click.option("--edits", default=1000, show_default=True, help="Edits of all packages together.")
@click.option("--seed", default=0, show_default=True, help="Other edits.")
def main(edits: int, seed: int) -> None:
    """Edit, lint twice, compare."""
    head = heading("benchmarks.fuzz.edits")
    rows, wrong = [], 0
    for name, version, below, share in PACKAGES:
        random, began = Random(f"{name} {seed}"), time.process_time()
        with tempfile.TemporaryDirectory(prefix="bn-lint-edits-") as place:
            folder, cache = Path(place).resolve() / "project", Path(place) / "cache"
            shutil.copytree(source(name, version) / below, folder)
            editor, count, differing = Editor(folder, random), edits * share // 100, 0
            reports: set[str] = set()
            entries: Counter[str] = Counter()
            for number in range(count):
                made = [editor.edit() for _ in range(random.choice((1, 1, 1, 2)))]
                coverage = random.random() < _WITH_COVERAGE
                with counting() as count_now:
                    with_cache = report_on(folder, cache, coverage=coverage)
                entries += count_now
                without = report_on(folder, None, coverage=coverage)
                reports.add(without)
                if with_cache != without:
                    differing += 1
                    click.echo(f"{name}, edit {number}: {', '.join(f'{one.what} {one.where}' for one in made)}")
        wrong += differing
        rows.append(
            f"| {name} {version} | {editor.files} | {count} | {len(reports)} | {differing} | {_share(entries)} |"
        )
        click.echo(f"{rows[-1]} {time.process_time() - began:.0f} s")
    table = "| Package | Files | Edits | Different reports | Differences | Repeated |\n|---|--:|--:|--:|--:|--:|\n"
    table += "\n".join(rows)
    explained = (
        "After each edit the folder was linted with the cache of all runs before and without a cache, and the whole"
        " reports (JSON, a third of them with the coverage) were compared. *Different reports* are those that the edits"
        " led to. Of the entry points that the runs with a cache met in units they had to judge, other than files as a"
        " whole, those are *repeated* that were not run again."
    )
    (RESULTS / "edits.md").write_text(f"# Random edits\n\n{head}\n\n{explained}\n\n{table}\n", encoding="utf-8")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
