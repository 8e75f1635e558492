"""Runs other linters over the programs in `fixtures/`: `python -m benchmarks.peers`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from benchmarks.linter import installed
from benchmarks.machine import RESULTS, ROOT, heading
from benchmarks.processes import measure
from benchmarks.speed.tools import Tool, program
from tests.specification import expectations

#: The same releases as in `benchmarks.speed`, asked for a line a finding.
_TOOLS = (
    Tool("ruff", "0.17.5", ("check", "--isolated", "--no-cache", "--output-format", "concise")),
    Tool("flake8", "7.5.0", ("--isolated", "--max-line-length", "120")),
    Tool("torchfix", "0.7.0"),
    Tool("torch-preflight", "0.5.0", ("check", "--format", "github")),
    Tool("fixit", "2.2.1", ("lint",)),
)
#: Type checkers need the types of torch: this one runs in the environment of the benchmark.
_MYPY = (
    "--explicit-package-bases",
    "--namespace-packages",
    "--no-incremental",
    "--no-color-output",
    "--check-untyped-defs",
)
_COMMENT = re.compile(r"\s*#\s*(?:error|warning|info|revealed):.*$", re.MULTILINE)
_LINE = re.compile(
    r"^(?:::\w+ file=)?(?P<path>[^\s:@,]+\.py)(?:[:@]|,line=)(?P<line>\d+)"
    r"(?:.*?(?:title=(?P<title>\w+)|\[(?P<bracket>[\w-]+)\]$|:\d+:? (?:error |warning )?(?P<code>[\w-]+)))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Report:
    """What a tool says: path, line, and the name of what it found."""

    path: str
    line: int
    code: str


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--write/--print", default=True, help="Write benchmarks/results/peers.md, or only print the report.")
def main(write: bool) -> None:
    """Count the mistakes in `fixtures/` on whose lines a linter says anything at all."""
    head = ["# Neighbors", heading("benchmarks.peers")]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "fixtures"
        mistakes = _copy(tree)
        clean = {path.relative_to(tree).as_posix() for path in tree.rglob("*.py")} - {path for path, _ in mistakes}
        rows = [_row(name, set(reports), mistakes, clean) for name, reports in _runs(tree)]
    report = "\n\n".join((*head, _explained(len(mistakes), len(clean)), "\n".join([*_TABLE, *rows]))) + "\n"
    if write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "peers.md").write_text(report, encoding="utf-8")
    click.echo(report, nl=False)


_TABLE = (
    "| | mistakes with a report on their line | reported as | clean programs with a report |",
    "| --- | --- | --- | --- |",
)


def _explained(mistakes: int, clean: int) -> str:
    return f"""\
`fixtures/` has {mistakes} lines with a mistake of severity error or warning, and {clean} programs without one.
Comments that name the mistakes were taken out. Whatever a tool says on such a line is counted, whether it is about
the mistake or not; what it says elsewhere may be right, and is not counted. The programs are bn-lint's own
tests, so its own row says only that these pass: how it does on the code of others is measured by `benchmarks.mutation`
and `benchmarks.false_positives`. All tools run with their default rules; mypy also looks into functions without
annotations."""


def _copy(tree: Path) -> set[tuple[str, int]]:
    """Copy the fixtures without the comments that give the mistakes away, and say where the mistakes are."""
    shutil.copytree(ROOT / "fixtures", tree, ignore=shutil.ignore_patterns("*.md", "__pycache__"))
    mistakes: set[tuple[str, int]] = set()
    for path in tree.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found = [one.line for one in expectations(text.splitlines()) if one.severity != "info"]
        mistakes.update((path.relative_to(tree).as_posix(), line) for line in found)
        path.write_text(_COMMENT.sub("", text), encoding="utf-8")
    return mistakes


def _runs(tree: Path) -> Iterator[tuple[str, list[Report]]]:
    with installed() as linter:
        command = [*linter.command, "check", "--isolated", "--no-cache", "--output-format", "concise", "."]
        yield (
            "bn-lint (this commit)",
            _reports(measure(command, folder=tree, environment=linter.environment).output, tree),
        )
    for tool in _TOOLS:
        try:
            path = program(tool)
        except subprocess.CalledProcessError as error:
            reason = (error.stderr or str(error)).strip().splitlines()[-1]
            raise click.ClickException(f"{tool.name} {tool.version} cannot be installed: {reason}") from error
        yield f"{tool.name} {tool.version}", _reports(measure([path, *tool.arguments, "."], folder=tree).output, tree)
    try:
        name = f"mypy {version('mypy')} with torch {version('torch')}"
    except PackageNotFoundError:
        return
    run = measure([sys.executable, "-m", "mypy", *_MYPY, "."], folder=tree)
    yield name, _reports(run.output, tree)


def _reports(output: str, tree: Path) -> list[Report]:
    found = []
    for match in _LINE.finditer(output.replace(f"{tree}/", "")):
        code = match["title"] or match["bracket"] or match["code"]
        found.append(Report(match["path"].removeprefix("./"), int(match["line"]), code))
    return found


def _row(name: str, reports: set[Report], mistakes: set[tuple[str, int]], clean: set[str]) -> str:
    on_lines = [report for report in reports if (report.path, report.line) in mistakes]
    lines = {(report.path, report.line) for report in on_lines}
    codes = Counter(report.code for report in on_lines)
    named = ", ".join(f"{code} ({count})" for code, count in sorted(codes.items())) if codes else "-"
    if name.startswith("bn-lint"):
        named = f"{len(codes)} rules"
    flagged = {report.path for report in reports} & clean
    return f"| {name} | {len(lines)} of {len(mistakes)} | {named} | {len(flagged)} of {len(clean)} |"


if __name__ == "__main__":
    main()
