"""Changes bn-lint itself, and looks whether its tests notice: `python -m benchmarks.self_mutation`.

What is slow to import is imported once; each mutant then gets a process that is forked from here, in which one module
is compiled with the change. No file is written, and the checkout stays as it is.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import click
import pytest

from benchmarks.machine import RESULTS, ROOT, heading
from benchmarks.self_mutation.mutants import Mutant, count


def _files(names: str) -> tuple[str, ...]:
    return tuple(f"tests/test_{name}.py" for name in names.split())


#: The areas that can be chosen: their files, and what is run for each mutant, the quickest and most telling first.
AREAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "facts": (("bn_lint/facts/*.py",), ("tests/static", "tests/rules", "tests/test_evidence.py")),
    "project": (
        ("bn_lint/project/*.py",),
        (*_files("source config files notebook prefilter suppress fix"), "tests/cache", "tests/cli"),
    ),
    "interpreter": (
        ("bn_lint/static/interpreter/*.py", "bn_lint/static/interpreter/builtins/*.py"),
        ("tests/static", "tests/rules", "tests/test_fixtures.py"),
    ),
    "torch_model": (
        ("bn_lint/static/torch_model/*.py", "bn_lint/static/torch_model/operations/*.py"),
        ("tests/static", "tests/rules", "tests/test_fixtures.py"),
    ),
    "check": (
        ("bn_lint/check/*.py",),
        ("tests/cache", *_files("suppress fix adoption plugins files"), "tests/cli", *_files("evidence rules")),
    ),
    "rules": (("rules/bn_lint_rules/bn*.py",), ("tests/rules",)),
}
#: Imported before anything is forked: what is slow to import, and nothing of what is tested.
_WARM = (
    "libcst",
    "libcst.metadata",
    "rich.console",
    "rich.progress",
    "click",
    "hypothesis",
    "_pytest.pytester",
    "torch",
)
#: Seconds of processor time that a mutant may take longer than the code as it is.
_PATIENCE = 30


@dataclass(frozen=True)
class Verdict:
    """What the tests said about a mutant."""

    mutant: Mutant
    killed: bool
    cpu: float


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("areas", nargs=-1, type=click.Choice(sorted(AREAS)))
@click.option("--sample", default=10, show_default=True, help="How many mutants of each area.")
@click.option("--seed", default=0, show_default=True, help="Which ones.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS / "self_mutation.md", show_default=True)
def main(areas: tuple[str, ...], sample: int, seed: int, output: Path) -> None:
    """Make mutants of the AREAS of bn-lint (all of them if none is named) and count those that no test notices."""
    os.chdir(ROOT)
    head = heading("benchmarks.self_mutation")
    for name in _WARM:
        importlib.import_module(name)
    assert not any(name.partition(".")[0] in ("bn_lint", "bn_lint_rules", "tests") for name in sys.modules)
    found: dict[str, list[Verdict]] = {}
    for area in areas or AREAS:
        patterns, tests = AREAS[area]
        code, usual = _run(None, ["-m", "not slow", *tests])
        if code:
            raise click.ClickException(f"The tests of {area} fail without any change.")
        paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
        every = [(path, number) for path in paths for number in range(count(path))]
        found[area] = []
        for path, number in random.Random(f"{seed} {area}").sample(every, min(sample, len(every))):
            mutant = Mutant.of(path, number)
            verdict = _judge(mutant, tests, usual + _PATIENCE)
            found[area].append(verdict)
            click.echo(f"{area}: {'killed' if verdict.killed else 'SURVIVED'} in {verdict.cpu:.1f} s: {_told(mutant)}")
        output.write_text(_report(head, found), encoding="utf-8")
    click.echo(f"Wrote {output}.")


def _judge(mutant: Mutant, tests: Sequence[str], limit: float) -> Verdict:
    stages = [["-m", "not slow", *tests]]
    own = ROOT / "tests" / "rules" / f"{mutant.path.stem}.md"
    if own.exists():
        stages.insert(0, [str(own)])  # also what runs under the tracer
    cpu = 0.0
    for arguments in stages:
        code, seconds = _run(mutant, arguments, limit)
        cpu += seconds
        if code:
            return Verdict(mutant, True, cpu)
    return Verdict(mutant, False, cpu)


def _run(mutant: Mutant | None, arguments: Sequence[str], limit: float | None = None) -> tuple[int, float]:
    """The exit code of pytest in a forked process, and the processor time that it took."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(_test(mutant, arguments, limit))
        finally:
            os._exit(70)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _test(mutant: Mutant | None, arguments: Sequence[str], limit: float | None) -> int:
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))  # a mutant may never end
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    # Rewriting assertions would take longer than the tests, and put pytest's finder before the one above.
    return int(pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", *arguments]))


class _Finder:
    """Finds the changed module, and nothing else."""

    def __init__(self, mutant: Mutant) -> None:
        self._code = mutant.code
        root = ROOT / "rules" if mutant.path.is_relative_to(ROOT / "rules") else ROOT
        parts = mutant.path.relative_to(root).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self._path = mutant.path

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=_Loader(name, self._path, self._code))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        super().__init__(name, str(path))
        self._mutated = code

    def get_code(self, fullname: str) -> CodeType:
        return self._mutated


def _told(mutant: Mutant) -> str:
    place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
    return f"{place} `{mutant.before}` -> `{mutant.after}`"


def _report(head: str, found: dict[str, list[Verdict]]) -> str:
    lines = [
        "# Mutants of bn-lint",
        "",
        head,
        "",
        "| Area | Mutants | Killed | CPU time for each (s) |",
        "|---|--:|--:|--:|",
    ]
    for area, verdicts in found.items():
        killed, cpu = sum(one.killed for one in verdicts), sum(one.cpu for one in verdicts)
        lines.append(f"| {area} | {len(verdicts)} | {killed} | {cpu / max(len(verdicts), 1):.1f} |")
    lines += ["", "## Not noticed by any test", ""]
    for area, verdicts in found.items():
        lines += [f"* {area}: {_told(one.mutant)}" for one in verdicts if not one.killed]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
