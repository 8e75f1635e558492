"""What `bn-lint check` finds: of which files, in which order, and what silences it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.facts import Analysis, BatchNormBuilt
from bn_lint.project.source import Source
from bn_lint.rule import Severity, Violation, rule
from tests.builders import MISTAKE, Engine, built

from .commands import Run, concise, use_rules, write


def test_findings(run: Run) -> None:
    write("model.py")
    code, out, err = run("check", "model.py")
    assert code == 1
    assert out.startswith("warning[BN401] keras-momentum: momentum 0.99 gives")
    assert out.endswith("\nFound 1 warning in 1 file.\n")
    assert err == ""


def test_nothing_found(run: Run) -> None:
    write("model.py", "layer = nn.BatchNorm2d(8, momentum=0.1)\n")
    assert run("check", "model.py") == (0, "All checks passed!\n", "")
    assert run("check", "-q", "model.py") == (0, "", "")


def test_the_current_directory_is_the_default(run: Run) -> None:
    write("b.py")
    write("a/model.py")
    assert concise(run) == ["a/model.py BN401", "b.py BN401"]


def test_findings_are_only_for_the_given_paths(run: Run, use_engine: Callable[[Engine], None]) -> None:
    def all_files(sources: Sequence[Source]) -> Analysis:
        return Analysis(facts=[built(name, 2, 9, 41, 0.9) for name in ("other.py", "model.py")])

    use_engine(all_files)
    write("model.py")
    write("other.py")
    assert concise(run, "model.py") == ["model.py BN401"]


def test_findings_are_sorted_and_reported_once(run: Run, use_engine: Callable[[Engine], None]) -> None:
    facts = [built("b.py", 1, 1, 9, 0.9), built("a.py", 2, 5, 9, 0.9), built("a.py", 2, 1, 9, 0.9)]
    use_engine(lambda sources: Analysis(facts=[*facts, *facts]))
    write("a.py")
    write("b.py")
    _, out, _ = run("check", "b.py", "a.py", "--output-format=json")
    places = [(f["path"], f["line"], f["column"]) for f in json.loads(out)["findings"]]
    assert places == [("a.py", 2, 1), ("a.py", 2, 5), ("b.py", 1, 1)]


def test_the_most_severe_of_equal_findings_stays(
    run: Run, use_engine: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    @rule("BN499", "graded", severity=Severity.WARNING, since="0.1.0")
    def graded(fact: BatchNormBuilt) -> Iterator[Violation]:
        """Grades."""
        severity = Severity.ERROR if fact.layer.momentum == 0.5 else Severity.WARNING
        yield Violation(f"momentum {fact.layer.momentum}", fact.place, severity=severity)

    use_engine(lambda sources: Analysis(facts=[built("model.py", 2, 9, 41, m) for m in (0.1, 0.5, 0.2)]))
    use_rules(monkeypatch, graded)
    write("model.py")
    assert run("check", "model.py", "--output-format=concise")[1].startswith(
        "model.py:2:9: error BN499 momentum 0.5 (graded)\nFound 1 error"
    )


def test_silenced_findings_do_not_count(run: Run) -> None:
    write("model.py", MISTAKE.replace(")\n", ")  # bn-lint: ignore[BN401]\n"))
    assert run("check", "model.py")[:2] == (0, "All checks passed!\n")


def test_useless_comments_are_remarked_on(run: Run) -> None:
    write("model.py", MISTAKE.replace(")\n", ")  # bn-lint: ignore\n"))
    code, _, err = run("check", "model.py")
    assert code == 1
    assert err == 'warning: model.py:2: "bn-lint: ignore" needs codes or names in brackets, such as [BN401].\n'
    assert run("check", "-q", "model.py")[2] == ""


LAYERS = """
from torch import nn
Norm = nn.BatchNorm2d
class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm, self.bn = norm, nn.BatchNorm2d(8)
    def forward(self, x):
        return self.bn(self.norm(x))
"""


def test_a_mistake_in_a_given_file_without_batchnorm_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("layers.py", LAYERS)
    write(
        "net.py",
        "from layers import Block, Norm\na = Block(Norm(8, momentum=0.99))\nb = Block(Norm(8, momentum=0.9))\n",
    )

    def found(*arguments: str) -> list[str]:
        cli.main(["check", "-q", "--output-format=concise", *arguments])
        return [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()]

    assert found() == ["net.py:2:11:", "net.py:3:11:"]
    assert found("layers.py") == []
    write("net.py", Path("net.py").read_text().replace("9))\n", "9))  # bn-lint: ignore[BN401]\n", 1))
    assert found() == ["net.py:3:11:"]
    assert found("--config=per-file-ignores={'net.py'=['BN4']}") == []
    cli.main(["check", "-q", "--show-coverage"])
    assert "of 3 BatchNorm layers checked" in capsys.readouterr().out
