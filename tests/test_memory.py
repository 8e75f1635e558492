"""A language server judges files again and again: of an earlier analysis nothing may stay but trees of context."""

from __future__ import annotations

import gc
from pathlib import Path

import libcst
import pytest

from bn_lint.check.judge import judge
from bn_lint.facts import Analysis
from bn_lint.project.partition import Unit
from bn_lint.project.source import load
from bn_lint.static.analyze import Analyzer, analyze
from bn_lint.static.entry_points import Run
from bn_lint.static.interpreter.values import Instance
from bn_lint.static.syntax import from_ast, shared_trees
from bn_lint.static.syntax.nodes import Module
from bn_lint.static.undisturbed import undisturbed

PROGRAM = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.conv = nn.Conv2d(width, width // groups * groups, 3)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        for _ in range(2):
            x = self.bn(self.conv(x))
        return x

def main(width, groups):
    model = Block(width, groups)
    model.eval()
    return model(torch.zeros(2, width, 8, 8))
"""

#: The module holds a layer whose width comes from a parameter of its class.
HELD = f"{PROGRAM}\nNETS = {{'small': Block(16, 4), 'large': Block(32, 4)}}\n"


@pytest.mark.parametrize("program", [PROGRAM, HELD])
def test_earlier_analyses_leave_nothing_behind(program: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(program)
    counts = []
    gc.freeze()  # what other tests left behind is not looked at
    try:
        for _ in range(5):
            result = analyze([load(path)])
            assert result.facts
            assert not result.problems
            del result
            gc.collect()
            counts.append(len(gc.get_objects()))
    finally:
        gc.unfreeze()
    assert counts[-1] - counts[1] < 20, counts


MODEL = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, width=8):
        layers = []
        for _ in range(20):
            layers += [nn.Conv2d(width, width, 3), nn.BatchNorm2d(width)]
        super().__init__(*layers)

def net_NUMBER():
    return Net(NUMBER)

def other_NUMBER():
    return Net(2 * NUMBER)
"""


def test_the_models_of_one_file_are_gone_when_the_next_is_looked_at(tmp_path: Path) -> None:
    sources = []
    for number in range(1, 13):
        (tmp_path / f"net_{number}.py").write_text(MODEL.replace("NUMBER", str(number)))
        sources.append(load(tmp_path / f"net_{number}.py"))
    alive = []

    def watch(run: Run) -> None:
        alive.append(sum(type(one) is Instance for one in gc.get_objects()))

    gc.freeze()  # what other tests left behind is not looked at
    try:
        undisturbed(Analyzer(sources, watch=watch).analyze)
    finally:
        gc.unfreeze()
    assert len(alive) > 24
    assert max(alive) < 300, alive  # a model has 41 modules


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are really parsed."""
    shared_trees.forget_trees()
    seen: list[str] = []
    original = libcst.parse_module

    def parse_module(text: str) -> object:
        seen.append(text)
        return original(text)

    monkeypatch.setattr(libcst, "parse_module", parse_module)

    def read_from_ast(text: str) -> Module | None:
        seen.append(text)
        return from_ast.read_from_ast(text)

    monkeypatch.setattr(shared_trees, "read_from_ast", read_from_ast)
    return seen


def judged_as(path: Path, text: str) -> Analysis:
    path.write_text(text)
    return analyze([load(path)])


def test_context_is_parsed_once(tmp_path: Path, parsed: list[str]) -> None:
    package, script = tmp_path / "net.py", tmp_path / "script.py"
    package.write_text(PROGRAM)
    first = judged_as(script, "from net import Block  # BatchNorm\nBlock(8, 2)\n")
    again = judged_as(script, "from net import Block  # BatchNorm\nBlock(9, 3)\n")
    assert parsed.count(PROGRAM) == 1
    assert len(first.facts) == len(again.facts)
    package.write_text(PROGRAM.replace("self.bn = nn.BatchNorm2d(width)", "self.bn = None"))
    assert len(judged_as(script, "from net import Block  # BatchNorm\nBlock(9, 3)\n").facts) < len(again.facts)


def test_a_small_file_with_findings_is_parsed_once(tmp_path: Path, parsed: list[str]) -> None:
    text = PROGRAM.replace("groups * groups", "1").replace("BatchNorm2d(width)", "BatchNorm2d(width + 1)")
    (tmp_path / "net.py").write_text(text)
    found = judge(Unit((load(tmp_path / "net.py"),)), {}).findings
    assert "BN002" in [one.code for one in found]
    assert parsed.count(text) == 1


def test_few_trees_are_kept(tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_trees._kept, "most_characters", len(PROGRAM) + 10)
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(f"# {name}\n{PROGRAM}")
    for module in "aabba":
        judged_as(tmp_path / "script.py", f"from {module} import Block  # BatchNorm\nBlock(8, 2)\n")
    assert [text[2] for text in parsed if PROGRAM in text] == ["a", "b", "a"]
