"""Measures what the language server does between an edit and the findings: `python -m benchmarks.speed.editor`.

Released packages are laid out as a project, and one file of each is opened. Then a statement is typed into one of its
functions, again and again, and a comment above it. CPU seconds of the checker, without the protocol around it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import click

from benchmarks.machine import RESULTS, heading
from benchmarks.sources import source
from benchmarks.speed.edits import BODY
from bn_lint.editor.checker import Checker
from bn_lint.editor.open_documents import Judged, Open

_FILES = (
    ("torchvision", "0.28.0", "models/resnet.py"),
    ("timm", "1.0.31", "models/resnet.py"),
    ("timm", "1.0.31", "models/densenet.py"),
    ("timm", "1.0.31", "models/efficientnet.py"),
)


@click.command(help=__doc__)
@click.option("--repeat", default=5, show_default=True, help="How often each edit is measured.")
def main(repeat: int) -> None:
    """Open, type, measure."""
    head = heading("benchmarks.speed.editor")
    rows = [_row(name, version, file, repeat) for name, version, file in _FILES]
    explained = (
        "CPU seconds from a change of the open file to its findings, hover texts and hints, the median of the edits."
        " *Opened* is the first time, with all imports."
    )
    columns = "| Package | File | Opened | A statement (bar 0.5) | A comment (bar 0.05) |\n|---|---|--:|--:|--:|"
    report = "\n".join((f"# Edits in an editor\n\n{head}\n\n{explained}\n\n{columns}", *rows, ""))
    (RESULTS / "editor.md").write_text(report, encoding="utf-8")
    click.echo(report, nl=False)


def _row(name: str, version: str, file: str, repeat: int) -> str:
    with tempfile.TemporaryDirectory(prefix="bn-lint-editor-") as place:
        project = Path(place).resolve()
        shutil.copytree(source(name, version) / name, project / name)
        (project / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n', encoding="utf-8")
        path = project / name / file
        text = path.read_text(encoding="utf-8")
        checker = Checker()
        judged: Judged | None = None
        count = 0

        def typed(text: str) -> float:
            nonlocal judged, count
            count += 1
            began = time.process_time()
            judged = checker.file(path, Open(path.as_uri(), count, text), judged)
            return time.process_time() - began

        def is_moved() -> bool:
            return judged is not None and judged.origin is not None

        opened = typed(text)
        statements, comments = [], []
        for number in range(repeat):
            edited = BODY.sub(
                lambda found, number=number: f"{found.group()}{found['indent']}    unused = {number}\n", text, count=1
            )
            statements.append(typed(edited))
            comments.append(typed(f"# {number}\n{edited}"))
            if not is_moved():
                raise RuntimeError(f"{name}: a comment above {file} was taken for code")
    return f"| {name} {version} | {file} | {opened:.2f} | {median(statements):.2f} | {median(comments):.3f} |"


if __name__ == "__main__":
    main()
