"""Facts are plain values: they can be compared, hashed, changed and pickled, and hold no syntax tree."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from bn_lint.check.registry import load_rules
from bn_lint.facts import (
    SHARED,
    Analysis,
    Argument,
    Axis,
    BatchNormCall,
    BatchNormLayer,
    Fact,
    LastBatch,
    Lines,
    ModeChange,
    ModelCall,
    Place,
    PlainContainer,
    Replacement,
    Shape,
)
from bn_lint.facts.dims import Expression, Symbol, TracedInt, multiply
from bn_lint.project.source import load
from bn_lint.rule import Severity, Violation, rule
from bn_lint.static.analyze import analyze

from .project import decided_otherwise

#: Makes facts of all kinds that have more to them when they are complete.
PROGRAM = """
import torch
from torch import nn
from torch.nn import BatchNorm2d
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = BatchNorm2d(4)
        self.norms = [nn.BatchNorm2d(8), nn.BatchNorm2d(8)]
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).mean((2, 3)))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.bn(x))


net, head = Net(), Head()
head.bn.eval()
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.randn(9, 4), torch.zeros(9).long()), batch_size=4, shuffle=True)
for epoch in range(3):
    head.train()
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        print(head(torch.randn(8, 4)).argmax(1))
net(torch.randn(2, 3, 8, 8))
"""
COMPLETED = (BatchNormCall, LastBatch, ModeChange, ModelCall, PlainContainer)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    path = tmp_path_factory.mktemp("facts") / "train.py"
    path.write_text(PROGRAM)
    return analyze([load(path)])


def parts(value: object) -> Iterator[object]:
    """A value and all that it is made of."""
    yield value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from parts(each)


def places(fact: Fact) -> list[Place]:
    return [part for part in parts(fact) if isinstance(part, Place)]


def test_the_program_shows_what_can_be_completed(analysis: Analysis) -> None:
    assert {type(fact) for fact in analysis.facts} >= set(COMPLETED)
    assert {fact.mode for fact in analysis.facts if isinstance(fact, ModelCall)}


def test_every_class_of_a_fact_is_plain() -> None:
    """No field is left out of comparisons, and no subclass changes what reading a field means."""
    for kind in (*typing.get_args(Fact), Place, BatchNormLayer, Shape, Axis, Argument, Lines, Replacement):
        assert kind.__subclasses__() == []
        assert all(field.compare for field in dataclasses.fields(kind)), kind


def test_which_facts_are_shared_and_which_belong_to_one_rule() -> None:
    judges: dict[type, list[str]] = {kind: [] for kind in typing.get_args(Fact)}
    for one in load_rules():
        for kind in one.judges:
            judges[kind].append(one.code)
    assert {kind for kind, codes in judges.items() if len(codes) > 1} == set(SHARED)
    for kind, codes in judges.items():
        named = re.findall(r"^(BN\d{3}) alone judges it\.$", inspect.getdoc(kind) or "", re.MULTILINE)
        assert named == ([] if kind in SHARED else codes), f"the docstring of {kind.__name__}"


def test_drafts_and_complete_facts_are_values(analysis: Analysis) -> None:
    for fact in analysis.facts:
        for value in (fact, analysis.complete(fact)):
            assert pickle.loads(pickle.dumps(value)) == value
            assert dataclasses.replace(value) == value
            assert hash(dataclasses.replace(value)) == hash(value)
            assert all(type(part).__module__.partition(".")[0] != "libcst" for part in parts(value))


def test_a_complete_fact_has_no_open_place(analysis: Analysis) -> None:
    drafts = [place for fact in analysis.facts for place in places(fact)]
    assert any(place.is_open for place in drafts)
    assert not any(place.is_open for fact in analysis.facts for place in places(analysis.complete(fact)))
    assert all(analysis.complete(analysis.complete(fact)) == analysis.complete(fact) for fact in analysis.facts)


def test_places_of_one_extent_are_equal(analysis: Analysis) -> None:
    """Whichever node they stood for."""
    complete = [analysis.complete(place) for fact in analysis.facts for place in places(fact)]
    by_extent = {(one.path, one.line, one.column, one.end_line, one.end_column) for one in complete}
    assert len(set(complete)) == len(by_extent) > 5


def test_what_fixes_need_is_in_complete_facts_alone(analysis: Analysis) -> None:
    needed = {
        BatchNormCall: "arriving",
        LastBatch: "left_out",
        ModeChange: "again",
        ModelCall: "lines",
        PlainContainer: "torch_nn",
    }
    for kind, name in needed.items():
        facts = [fact for fact in analysis.facts if type(fact) is kind]
        assert all(getattr(fact, name) is None for fact in facts)
        assert any(getattr(analysis.complete(fact), name) is not None for fact in facts), kind
    prefixes = {
        analysis.complete(fact).layer.class_prefix for fact in analysis.facts if isinstance(fact, BatchNormCall)
    }
    assert prefixes == {"", "nn."}


@rule("ACME001", "fickle-rule", severity=Severity.WARNING, since="1.0")
def fickle(call: ModelCall) -> Iterator[Violation]:
    if call.lines is None:
        yield Violation("there is no room for a fix", call.place)


@rule("ACME002", "steady-rule", severity=Severity.WARNING, since="1.0")
def steady(call: ModelCall) -> Iterator[Violation]:
    yield Violation("it is called", call.place, call.path, help=str(call.lines))


def test_a_rule_that_decides_by_what_complete_facts_have_is_noticed(analysis: Analysis) -> None:
    """`lint` asks this for every specification."""
    assert decided_otherwise(analysis, [fickle, steady]) == ["ACME001"]


def test_a_defect_in_completing_costs_the_finding_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bn_lint.check.judge import judge
    from bn_lint.project.partition import Unit
    from bn_lint.static import complete

    def broken(draft: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(complete, "call_lines", broken)
    monkeypatch.setenv("BN_LINT_ENGINE", "")
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    outcome = judge(Unit((load(path),)), {})
    assert {finding.code for finding in outcome.findings} >= {"BN002", "BN302", "BN501"}
    assert "BN101" not in {finding.code for finding in outcome.findings}
    assert [problem.internal for problem in outcome.problems] == [True]


def test_sizes_are_pickled() -> None:
    size = multiply(Expression.of(Symbol("planes", free=True)), 4)
    copy = pickle.loads(pickle.dumps(size))
    assert str(copy) == "planes * 4"
    assert copy.is_free
    assert pickle.loads(pickle.dumps(TracedInt(64, Expression.of(Symbol("planes"))))) == 64
