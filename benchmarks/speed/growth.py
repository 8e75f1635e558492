"""Measures how the time of a cold run grows with the size of a project: `python -m benchmarks.speed.growth`.

Thirty released packages are linted without a cache. Size is the number of lines of the files that bn-lint judges.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks import toml
from benchmarks.false_positives.lint import Package
from benchmarks.linter import Linter, installed
from benchmarks.machine import RESULTS, heading
from benchmarks.processes import measure
from benchmarks.sources import source
from bn_lint.project.prefilter import deserves_judging

_PACKAGES = Path(__file__).parent.parent / "false_positives" / "packages.toml"
_COUNT = 30
_BAR = 3.0
#: What a run costs that imports the engine and has next to nothing to judge.
_SMALLEST = "from torch import nn\n\nnn.BatchNorm2d(8)\n"
_WIDTH, _HEIGHT, _MARGIN = 640, 420, 56


@dataclass(frozen=True)
class Point:
    """One package: how many lines of it are judged, and the CPU seconds of the cold run."""

    name: str
    lines: int
    cpu: float


@click.command(help=__doc__)
@click.option("--count", default=_COUNT, show_default=True, help="How many packages; fewer are only printed.")
def main(count: int) -> None:
    """Lint the packages, and compare each with the trend."""
    head = heading("benchmarks.speed.growth")
    with installed() as linter:
        smallest = _smallest(linter)
        points = sorted(_points(linter, count), key=lambda point: point.lines)
    trend = median((point.cpu - smallest) / point.lines for point in points)
    report = _report(head, points, smallest, trend)
    if count == _COUNT:
        (RESULTS / "growth.md").write_text(report, encoding="utf-8")
        (RESULTS / "growth.svg").write_text(_plot(points, smallest, trend), encoding="utf-8")
    click.echo(report, nl=False)


def _points(linter: Linter, count: int) -> Iterator[Point]:
    """The first packages in the order of a hash of their names, which nobody chooses."""
    names = toml.read(_PACKAGES)
    chosen = sorted(names, key=lambda name: hashlib.sha256(name.lower().encode()).digest())[:count]
    for package in (Package(name, names[name]) for name in chosen):
        folder = source(package.name, package.version)
        point = Point(package.name, _judged_lines(folder), _cold(linter, folder))
        click.echo(f"{point.name}: {point.lines} lines, {point.cpu:.1f} s", err=True)
        if point.lines:
            yield point


def _judged_lines(folder: Path) -> int:
    texts = (path.read_bytes() for path in folder.rglob("*.py") if path.is_file())
    return sum(text.count(b"\n") for text in texts if deserves_judging(text))


def _cold(linter: Linter, folder: Path) -> float:
    command = [*linter.command, "check", ".", "--isolated", "--quiet", "--no-cache", "--jobs", "1"]
    run = measure(command, folder=folder, environment=linter.environment)
    if run.code not in (0, 1, 2):
        raise RuntimeError(f"exit code {run.code}: {run.errors.strip()[-500:]}")
    return run.cpu


def _smallest(linter: Linter) -> float:
    with tempfile.TemporaryDirectory(prefix="bn-lint-smallest-") as folder:
        (Path(folder) / "model.py").write_text(_SMALLEST, encoding="utf-8")
        return median(_cold(linter, Path(folder)) for _ in range(3))


def _report(head: str, points: list[Point], smallest: float, trend: float) -> str:
    above = [(point, (point.cpu - smallest) / point.lines / trend) for point in points]
    rows = [f"| {point.name} | {point.lines} | {point.cpu:.2f} | {ratio:.2f} |" for point, ratio in above]
    most = max(ratio for _, ratio in above)
    over = sum(ratio > _BAR for _, ratio in above)
    return "\n".join(
        (
            f"# Growth of the cold run\n\n{head}\n",
            "CPU seconds (user and system, all processes) of `bn-lint check . --isolated --no-cache --jobs 1` on",
            "released packages, against the lines of the files that are judged. A run with nothing to judge takes",
            f"{smallest:.2f} s; the trend is the median of what a line costs beyond that: {trend * 1000:.2f} ms.\n",
            f"The slowest package takes {most:.2f} times the trend; {over} take more than {_BAR:g} times (bar: 0).\n",
            "![CPU seconds against lines](growth.svg)\n",
            "| Package | Lines judged | CPU, s | Trend = 1 |\n|---|--:|--:|--:|",
            *rows,
            "",
        )
    )


def _plot(points: list[Point], smallest: float, trend: float) -> str:
    """Both axes are logarithmic; the line is the trend, the broken one three times of it."""
    left, right = math.log10(min(p.lines for p in points)) - 0.1, math.log10(max(p.lines for p in points)) + 0.1
    low, high = math.log10(smallest) - 0.1, math.log10(max(p.cpu for p in points)) + 0.3

    def x(lines: float) -> float:
        return _MARGIN + (math.log10(lines) - left) / (right - left) * (_WIDTH - 1.5 * _MARGIN)

    def y(seconds: float) -> float:
        return _HEIGHT - _MARGIN - (math.log10(seconds) - low) / (high - low) * (_HEIGHT - 1.5 * _MARGIN)

    def curve(factor: float, dashes: str) -> str:
        steps = [10 ** (left + (right - left) * n / 60) for n in range(61)]
        corners = " ".join(f"{x(n):.1f},{y(smallest + factor * trend * n):.1f}" for n in steps)
        return f'<polyline points="{corners}" fill="none" stroke="#888" stroke-dasharray="{dashes}"/>'

    def ticks(first: float, last: float) -> list[int]:
        return list(range(math.ceil(first), math.floor(last) + 1))

    bottom, edge = _HEIGHT - _MARGIN, _WIDTH - _MARGIN / 2
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<path d="M{_MARGIN} {_MARGIN / 2}V{bottom}H{edge}" fill="none" stroke="#000"/>',
        *(
            f'<text x="{x(10**n):.1f}" y="{bottom + 18}" text-anchor="middle">{10**n}</text>'
            for n in ticks(left, right)
        ),
        *(f'<text x="{_MARGIN - 6}" y="{y(10**n) + 4:.1f}" text-anchor="end">{10**n}</text>' for n in ticks(low, high)),
        f'<text x="{edge}" y="{bottom + 36}" text-anchor="end">lines judged</text>',
        f'<text x="{_MARGIN}" y="16">CPU seconds</text>',
        curve(1, ""),
        curve(_BAR, "4 3"),
        *(
            f'<circle cx="{x(p.lines):.1f}" cy="{y(p.cpu):.1f}" r="3.5" fill="#06c"><title>{p.name}</title></circle>'
            for p in points
        ),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


if __name__ == "__main__":
    main()
