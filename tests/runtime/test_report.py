"""The table, the HTML page and the scalars."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint
from bn_lint.runtime.document.document import Document, dumps, load
from bn_lint.runtime.showing.html.page import page
from bn_lint.runtime.showing.html.plots import line, timeline, values_range
from bn_lint.runtime.tracer import Trace

from .nets import batch, sgd, small, train


@pytest.fixture(scope="module")
def trace() -> Trace:
    net = small()
    with bn_lint.trace(stats=True, every=1) as trace:
        optimizer = sgd(net)
        train(net, optimizer, steps=60)
        with torch.no_grad():
            net(batch()[0])
        train(net, optimizer, steps=5, size=4)
        net.eval()
        with torch.no_grad():
            for _ in range(4):
                net(batch()[0])
    return trace


class Checker(HTMLParser):
    """Checks that tags are closed in order, and collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag not in ("meta", "br", "rect", "line", "polyline", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect",) or (self.open and self.open[-1] == tag):
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(trace: Trace) -> None:
    checker = Checker()
    text = page(trace.document, trace.report)
    checker.feed(text)
    assert not checker.open
    assert not checker.loads
    assert "script" not in checker.tags
    assert "http" not in text.replace("http-equiv", "")


def test_the_page_shows_findings_and_plots(trace: Trace) -> None:
    text = page(trace.document, trace.report)
    assert '<span class="badge">error BN101</span>' in text
    for heading in (
        "Findings",
        "Mode over time",
        "Values per channel",
        "Batches against",
        "Evaluation against",
        "Layers",
    ):
        assert f"<h2>{heading}" in text
    assert '<rect class="trained"' in text
    assert '<polyline class="curve"' in text


def test_what_programs_say_cannot_break_the_page(trace: Trace) -> None:
    document = load_again(trace)
    document.layers[0].name = "<script>alert(1)</script>"
    document.command = ["<b>"]
    text = page(document, trace.report)
    assert "<script" not in text
    assert "<b>" not in text.split("</h1>")[1].split("numbers")[0]


def load_again(trace: Trace) -> Document:
    from bn_lint.runtime.document.document import from_json, to_json

    return from_json(to_json(trace.document))


def test_a_trace_is_the_same_after_saving(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace.save(str(path))
    again = load(str(path))
    assert dumps(again) == path.read_text() == dumps(trace.document)
    assert page(again, trace.report) == page(trace.document, trace.report)


def test_table(trace: Trace) -> None:
    heading, row = trace.table().splitlines()
    assert heading.split() == "layer built at type width train eval other shapes values/channel device".split()
    assert re.fullmatch(r"1 +BatchNorm2d +8 +66 +4 +16x8x6x6 4x8x6x6 +144 +cpu", row)


def test_timeline_joins_what_is_alike() -> None:
    assert timeline(bytes([1, 1, 1, 4]), 4, 10).count("<rect") == 2
    assert "training, steps 0 to 29" in timeline(bytes([1, 1, 1, 4]), 4, 10)
    assert "mode does not fit, step 3" in timeline(bytes([1, 1, 1, 4]), 4, 1)


def test_plots_of_little() -> None:
    assert line([0.0] * 5, 5, 1.0) == ""
    assert "<circle" in line([0.5], 1, 1.0)
    assert 'class="few"' in values_range(2, 2, 2)
    assert 'class="enough"' in values_range(100, 5000, 5000)


def test_long_runs_fit_into_the_timeline() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = sgd(net)
    with bn_lint.trace(stats=True, every=7) as trace:
        for _ in range(1000):
            net(torch.randn(4, 2)).sum().backward()
            optimizer.step()
    (layer,) = trace.document.layers
    assert trace.document.steps_per_position == 8
    assert bytes.fromhex(layer.timeline + "0" * (len(layer.timeline) % 2))[:125] == bytes([1] * 125)
    assert layer.drift is not None
    assert layer.drift.batches > 100


class Writer:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))


def test_scalars_for_tensorboard() -> None:
    writer = Writer()
    net = small()
    with bn_lint.trace(stats=True, writer=writer, every=5) as trace:
        train(net, sgd(net), steps=60)
    assert not trace.recorder.defects
    by_tag = {tag: [step for other, _, step in writer.scalars if other == tag] for tag, _, _ in writer.scalars}
    assert set(by_tag) == {"bn_lint/training/1", "bn_lint/values_per_channel/1", "bn_lint/drift/1"}
    assert by_tag["bn_lint/training/1"] == list(range(5, 61, 5))
    assert ("bn_lint/values_per_channel/1", 576, 60) in writer.scalars
    assert ("bn_lint/training/1", 1.0, 60) in writer.scalars


def test_the_real_writer_of_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    net = small()
    with SummaryWriter(str(tmp_path)) as writer, bn_lint.trace(writer=writer, every=1):
        train(net, sgd(net), steps=3)
    assert any(path.stat().st_size > 200 for path in tmp_path.iterdir())
