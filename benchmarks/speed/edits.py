"""Measures what a run costs after the edit of one file: `python -m benchmarks.speed.edits`.

A released package is linted without a cache and with a warm one; then one file is edited, and the run that follows is
measured. Ratios are of CPU time, all from the same minutes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import Run, measure
from benchmarks.sources import source

_DOCSTRING = re.compile(r'^(?P<head>[ ]*"""[^"\n]+)', re.MULTILINE)
BODY = re.compile(r"^(?P<indent>[ ]+)def forward\(.*\).*:\n", re.MULTILINE)


@dataclass(frozen=True)
class Edit:
    """What is edited, and what the run that follows may cost, as a share of the cold run.

    Attributes:
        edit: The text after one of several edits, which have numbers from 0.
    """

    what: str
    file: str
    edit: Callable[[str, int], str]
    bar: str


def _nothing(text: str, number: int) -> str:
    return text


def _comment(text: str, number: int) -> str:
    return f"# What follows is well known.\n\n{text}"


def _docstring(text: str, number: int) -> str:
    return _DOCSTRING.sub(r"\g<head> (see there)", text, count=1)


def _with_statement(found: re.Match[str]) -> str:
    """A `forward` with one more statement."""
    return f"{found.group()}{found['indent']}    unused = 0\n"


def _statement(text: str, number: int) -> str:
    """One more statement in a `forward`: each time in another one."""
    places = list(BODY.finditer(text))
    found = places[number % len(places)]
    return text[: found.start()] + _with_statement(found) + text[found.end() :]


def _statements(text: str, number: int) -> str:
    """One more statement in each `forward`."""
    return BODY.sub(_with_statement, text)


def _code(text: str, number: int) -> str:
    """Another value at the end of the file."""
    return f"{text}\nunused = [1, 2, 3]\n"


_EVERYWHERE = (
    Edit("nothing", "models/resnet.py", _nothing, ""),
    Edit("a comment", "models/resnet.py", _comment, "0.015"),
    Edit("a docstring", "models/resnet.py", _docstring, "0.015"),
    Edit("a statement in a function", "models/resnet.py", _statement, "0.06"),
    Edit("one in each function", "models/resnet.py", _statements, ""),
)
_PACKAGES = (
    ("torchvision", "0.28.0", (*_EVERYWHERE, Edit("code without models", "datasets/cifar.py", _code, ""))),
    (
        "timm",
        "1.0.31",
        (
            *_EVERYWHERE,
            Edit("code without models", "data/transforms.py", _code, ""),
            Edit("a statement in a function", "models/densenet.py", _statement, "0.02"),
            Edit("one in each function", "models/densenet.py", _statements, ""),
            Edit("a statement in a function", "layers/norm_act.py", _statement, "0.4"),
        ),
    ),
    # Unlike the zoos above: a few models, and programs that train them.
    ("basicsr", "1.4.2", (Edit("a statement in a function", "archs/arch_util.py", _statement, ""),)),
    ("anomalib", "2.7.0", (Edit("a statement in a function", "models/image/draem/torch_model.py", _statement, ""),)),
    ("torchreid", "0.2.5", (Edit("a statement in a function", "reid/models/osnet.py", _statement, ""),)),
)


@click.command(help=__doc__)
@click.option("--repeat", default=3, show_default=True, help="How often each cheap edit is measured.")
@click.option(
    "--only", type=click.Choice([name for name, _, _ in _PACKAGES]), help="Measure one package, and only print."
)
def main(repeat: int, only: str | None) -> None:
    """Edit, lint, compare with the cold run."""
    head = heading("benchmarks.speed.edits")
    rows = []
    with installed() as linter:
        for name, version, edits in _PACKAGES:
            if only in (None, name):
                rows += _rows(linter, name, version, edits, repeat)
    explained = (
        "CPU seconds (user and system, all processes) of `bn-lint check .` on the whole package, with a cache that is"
        " warm but for one edited file, and as a share of the run without a cache. The median of the runs; what is as"
        " dear as the cold run is measured once. *A statement in a function* is in another `forward` of the file each"
        " time; *one in each function* is in all of them."
    )
    columns = "| Package | Edit | File | s | Cold, s | Ratio | Bar |\n|---|---|---|--:|--:|--:|--:|"
    report = "\n".join((f"# Edits of one file\n\n{head}\n\n{explained}\n\n{columns}", *rows, ""))
    if only is None:
        (RESULTS / "edited_file.md").write_text(report, encoding="utf-8")
    click.echo(report, nl=False)


def _rows(linter: Linter, name: str, version: str, edits: tuple[Edit, ...], repeat: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="bn-lint-edited-") as place:
        # As in a checkout: the files of a package import each other by its name.
        tree = Path(place) / "project"
        shutil.copytree(source(name, version) / name, tree / name)

        def lint(*cache: str) -> Run:
            command = [*linter.command, "check", ".", "--isolated", "--quiet", "--jobs", "1", *cache]
            run = measure(command, folder=tree, environment=linter.environment)
            if run.code not in (0, 1):
                raise RuntimeError(f"exit code {run.code}: {run.errors.strip()[-500:]}")
            return run

        cold = [lint("--no-cache").cpu]
        found: list[tuple[Edit, float]] = []
        # What the run before has kept: each edit is the first one after it.
        kept, used = Path(place) / "kept", Path(place) / "cache"
        lint("--cache-dir", str(kept))
        for edit in edits:
            path = tree / name / edit.file
            text = path.read_text(encoding="utf-8")
            seconds: list[float] = []
            while not seconds or (len(seconds) < repeat and seconds[0] < cold[0] / 4):
                edited = edit.edit(text, len(seconds))
                path.write_text(edited, encoding="utf-8")
                shutil.copytree(kept, used)
                seconds.append(lint("--cache-dir", str(used)).cpu)
                shutil.rmtree(used)
                path.write_text(text, encoding="utf-8")
            found.append((edit, median(seconds)))
        cold.append(lint("--no-cache").cpu)
    reference = median(cold)
    return [
        f"| {name} {version} | {edit.what} | {edit.file} | {cpu:.2f} | {reference:.1f} | {cpu / reference:.3f}"
        f" | {edit.bar} |"
        for edit, cpu in found
    ]


if __name__ == "__main__":
    main()
