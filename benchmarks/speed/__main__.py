"""Measures what bn-lint costs: `python -m benchmarks.speed`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks.linter import Linter, installed, unpacked
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import TIMED_OUT, Run, measure
from benchmarks.sources import source
from benchmarks.speed.ratios import Comparison, compare
from benchmarks.speed.tools import TOOLS, Tool, program

_PROJECT, _RELEASE, _TREE = "timm", "1.0.31", "timm"
_PARSE = Path(__file__).with_name("parse_batchnorm.py")
#: What start-up is measured on: files as most of a project's files are.
_PLAIN_FILES = 20
_PLAIN = '''"""Reads settings."""

import json
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """Return the settings of a file."""
    return json.loads(path.read_text(encoding="utf-8"))
'''


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pairs", default=3, show_default=True, help="How often the cold run and its reference are run.")
@click.option("--limit", default=900.0, show_default=True, help="Seconds that another linter may take.")
@click.option("--only", type=click.Choice(["cold", "warm", "start", "tools"]), multiple=True, help="Measure only this.")
@click.option(
    "--compiled",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="WHEEL",
    help="Measure only the cold run, of this checkout and of a compiled wheel (`.ci/compiled` makes one).",
)
def main(pairs: int, limit: float, only: tuple[str, ...], compiled: Path | None) -> None:
    """Measure the cold run, the warm run, the start-up, and other linters on the same tree.

    A complete run writes benchmarks/results/speed.md, one with a wheel speed_compiled.md; a part is only printed.
    """
    if compiled is not None:
        report = _with_compiled(compiled, source(_PROJECT, _RELEASE) / _TREE, pairs)
        (RESULTS / "speed_compiled.md").write_text(report, encoding="utf-8")
        click.echo(report, nl=False)
        return
    tree = source(_PROJECT, _RELEASE) / _TREE
    parts = ["# Speed", heading("benchmarks.speed")]
    with installed() as linter:
        if not only or {"cold", "warm", "start"} & set(only):
            parts.append(_ratios(linter, tree, pairs, only))
        if not only or "tools" in only:
            parts.append(_side_by_side(linter, tree, limit))
    report = "\n\n".join(parts) + "\n"
    if not only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "speed.md").write_text(report, encoding="utf-8")
    click.echo(report, nl=False)


def _with_compiled(wheel: Path, tree: Path, pairs: int) -> str:
    head = heading("benchmarks.speed")
    found: set[str] = set()

    def cold(linter: Linter) -> Callable[[], Run]:
        def run() -> Run:
            done = _check(linter, tree)()
            found.add(done.output)
            return done

        return run

    with installed() as pure, unpacked(wheel) as compiled:
        rows = [
            _cold_row(cold(pure), tree, pairs, "4.5"),
            _cold_row(cold(compiled), tree, pairs, "3.0", " with the compiled wheel"),
        ]
    if len(found) > 1:
        raise click.ClickException("the compiled wheel does not find what this checkout finds")
    return "\n".join(("# Speed of the compiled wheel", "", head, "", *_HEAD, *rows, ""))


_HEAD = (
    "Ratios of CPU time (user and system, of whole processes), run in turns; the median of the pairs.",
    "",
    "| | reference | bn-lint, s | reference, s | ratio | from - to | bar |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def _cold_row(run: Callable[[], Run], tree: Path, pairs: int, bar: str, which: str = "") -> str:
    files = _parse(tree).output.strip()
    name = f"cold run over {_PROJECT} {_RELEASE}{which}"
    parsing = f"`libcst.parse_module` over the {files} files that mention BatchNorm"
    return _row(name, parsing, compare(run, lambda: _parse(tree), pairs), bar)


def _ratios(linter: Linter, tree: Path, pairs: int, only: Sequence[str]) -> str:
    lines = list(_HEAD)
    if not only or "cold" in only:
        lines.append(_cold_row(_check(linter, tree), tree, pairs, "4.5"))
    if not only or "warm" in only:
        with tempfile.TemporaryDirectory() as folder:
            warm = _check(linter, tree, "--cache-dir", folder)
            warm()  # fills the cache
            found = compare(warm, _check(linter, tree), pairs)
        name = f"warm run over {_PROJECT} {_RELEASE}, nothing changed"
        lines.append(_row(name, "the cold run", found, "0.05"))
    if not only or "start" in only:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(_PLAIN_FILES):
                (Path(folder) / f"settings_{number}.py").write_text(_PLAIN, encoding="utf-8")
            importing = [sys.executable, "-c", "import click"]
            found = compare(_check(linter, Path(folder)), lambda: measure(importing), max(pairs, 15))
        lines.append(
            _row(f"start-up: {_PLAIN_FILES} files without BatchNorm", '`python -c "import click"`', found, "1.2")
        )
    return "\n".join(lines)


def _check(linter: Linter, folder: Path, *cache: str) -> Callable[[], Run]:
    """A run of the linter, without a cache unless options say where it is; always in one process."""
    command = [*linter.command, "check", ".", "--isolated", "--quiet", "--jobs", "1", *(cache or ("--no-cache",))]
    return lambda: measure(command, folder=folder, environment=linter.environment)


def _parse(tree: Path) -> Run:
    return measure([sys.executable, _PARSE, tree])


def _row(name: str, reference: str, found: Comparison, bar: str) -> str:
    (mine, other), (least, most) = found.seconds, found.spread
    cells = (name, reference, f"{mine:.2f}", f"{other:.2f}", f"{found.ratio:.3g}", f"{least:.3g} - {most:.3g}", bar)
    return "| " + " | ".join(cells) + " |"


def _side_by_side(linter: Linter, tree: Path, limit: float) -> str:
    count = sum(1 for _ in tree.rglob("*.py"))
    own = _check(linter, tree)()
    rows = [_tool_row("bn-lint (this commit)", "bn-lint check . --isolated --no-cache --quiet", own, own, limit)]
    for tool in TOOLS:
        name = f"{tool.name} {tool.version}"
        try:
            path = program(tool)
        except subprocess.CalledProcessError as error:
            reason = (error.stderr or str(error)).strip().splitlines()[-1]
            rows.append(f"| {name} | `{tool.command}` | not installed: {reason} | | |")
            continue
        rows.append(_tool_row(name, tool.command, _lint(path, tool, tree, limit), own, limit))
        click.echo(rows[-1], err=True)
    return "\n".join(
        (
            "## Other linters on the same tree",
            "",
            f"{_PROJECT} {_RELEASE}, {count} files; default rules, no cache, each in a virtual environment of its own.",
            "They look for other things than bn-lint: this says what each adds to a run, not which is better.",
            "CPU seconds are user and system time of all processes of a linter; some use several cores.",
            "",
            "| | command | CPU s | elapsed s | CPU, bn-lint = 1 |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        )
    )


def _lint(path: Path, tool: Tool, tree: Path, limit: float) -> Run:
    return measure([path, *tool.arguments, "."], folder=tree, limit=limit)


def _tool_row(name: str, command: str, run: Run, own: Run, limit: float) -> str:
    if run.code == TIMED_OUT:
        return f"| {name} | `{command}` | not measured | more than {limit:.0f} | |"
    if run.code not in (0, 1):  # 1 says that something was found
        return f"| {name} | `{command}` | failed with exit code {run.code} | | |"
    cells = (name, f"`{command}`", f"{run.cpu:.1f}", f"{run.wall:.1f}", f"{run.cpu / own.cpu:.2f}")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
