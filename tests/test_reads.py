"""What entry points note of what they read: an edit of anything else leaves them as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.reads import Turn, edited, edits_of, turns, wrong_after
from bn_lint.project.partition import Unit
from bn_lint.project.source import load
from bn_lint.static.analyze import Analyzer
from bn_lint.static.entry_points import definitions_in
from bn_lint.static.undisturbed import undisturbed

FILES = {
    "registry.py": """\
models, defaults = {}, {"width": 8}

def register(function):
    models[function.__name__] = function
    return function

def create(name, **options):
    return models[name](**{**defaults, **options})
""",
    "blocks.py": """\
from torch import nn

class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn = nn.BatchNorm2d(self.widen(width))
        self.kept = None

    def widen(self, width):
        return 2 * width

    def remember(self, x):
        self.kept = x

class Block(Base):
    def forward(self, x):
        return scaled(self.bn(x), 4)

def scaled(x, factor):
    return x * factor

def idle(x):
    return x + 7

def depth():
    return 3

DEPTH = depth()
""",
    "wide.py": """\
from torch import nn

from blocks import *
from registry import register

def widths():
    return [16, 32]

WIDTHS = widths()

class Wide(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(width * each) for each in WIDTHS], nn.BatchNorm2d(8))

    def forward(self, x):
        return self.blocks(x)

@register
def wide(width=8):
    return Wide(width)

def wider():
    return Wide(24)
""",
    "narrow.py": """\
from torch import nn

import registry
import wide
from blocks import DEPTH
from registry import register

class Narrow(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        x = self.conv(x)
        for _ in range(DEPTH):
            x = self.bn(x)
        return x

@register
def narrow(width=4):
    return Narrow(width)

def by_name():
    return registry.create("narrow", width=12), registry.create("wide"), nn.BatchNorm2d(3)
""",
    "program.py": """\
import torch

from narrow import narrow

def loss(x):
    return x.mean() * 3

def main():
    model = narrow()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        loss(model(torch.zeros(2, 3, 8, 8))).backward()
        optimizer.step()

if __name__ == "__main__":
    main()
""",
}


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    sources = []
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        sources.append(load(tmp_path / name, display=name))
    return Unit(tuple(each for each in sources if "BatchNorm" in each.text), tuple(sources))


def names(unit: Unit, turn: Turn) -> set[str]:
    """The definitions that a turn has read, by their names."""
    analyzer = Analyzer(unit.sources, [each.path for each in unit.context])
    undisturbed(analyzer.analyze)
    return {
        definitions_in(file.tree)[number].name.value
        for path, number in turn.read
        for file in [analyzer.project.files[path]]
        if file is not None
    }


def turn_of(found: list[Turn], name: str) -> Turn:
    """The turn in which something is run."""
    return next(turn for turn in found if any(entry[2] == name for entry in turn.entries))


def test_reads_what_it_enters_and_what_it_makes(unit: Unit) -> None:
    found = turns(unit)
    # All read what the top levels of those have read that enter models into the table.
    by_all = {"register", "widths", "depth"}
    assert names(unit, turn_of(found, "wider")) == by_all | {"wide", "wider", "Wide", "Block", "Base", "scaled"}
    assert names(unit, found[-2]) == by_all | {"main", "loss", "narrow", "Narrow"}
    assert "Wide" in names(unit, turn_of(found, "by_name"))
    assert "idle" not in set().union(*(names(unit, turn) for turn in found))


def test_a_definition_that_was_not_read_can_be_edited(unit: Unit) -> None:
    before = turns(unit)
    compared = 0
    for source in unit.context:
        for number in range(source.text.count("\ndef ") + source.text.count("\nclass ")):
            for what, text in edits_of(source.text, number):
                after = turns(edited(unit, source.path, text))
                same, different = wrong_after(before, after, (source.path, number))
                assert not different, (what, source.display, number)
                compared += same
    assert compared > 100


def test_a_definition_that_was_read_matters(unit: Unit) -> None:
    before = turns(unit)
    blocks = next(source for source in unit.context if source.display == "blocks.py")
    changed = dict(edits_of(blocks.text, 0))["a statement"]
    after = {turn.entries: turn for turn in turns(edited(unit, blocks.path, changed))}
    differing = {turn.entries[0][2] for turn in before if turn.steps != after[turn.entries].steps}
    assert differing == {turn.entries[0][2] for turn in before if (blocks.path, 0) in turn.read}
