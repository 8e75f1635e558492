"""The table, the HTML page and the scalars."""

from __future__ import annotations

import base64
import copy
import hashlib
import linecache
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import bn_lint
from bn_lint.rule import Severity
from bn_lint.runtime.document.document import Document, LayerTrace, dumps, load
from bn_lint.runtime.showing.html.chart import Chart, curve
from bn_lint.runtime.showing.html.page import page
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
        if tag not in ("meta", "br", "rect", "line", "polyline", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect",) or (self.open and self.open[-1] == tag):
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(trace: Trace) -> None:
    checker = Checker()
    text = page(trace.document, trace.report, (trace.document, trace.report))
    checker.feed(text)
    assert not checker.open
    assert all(target.startswith("#finding-") for target in checker.loads)
    assert checker.tags.count("script") == 1
    assert "http" not in text.replace("http-equiv", "")
    assert "style=" not in text  # the policy allows one style sheet


def test_the_policy_allows_what_the_page_has(trace: Trace) -> None:
    text = page(trace.document, trace.report)
    for tag in ("style", "script"):
        content = text.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


def test_the_page_shows_findings_and_plots(trace: Trace) -> None:
    text = page(trace.document, trace.report)
    assert '<p class="verdict error">1 error' in text
    assert '<span class="badge">error BN101</span>' in text
    assert "Since optimizer step 60" in text
    for heading in ("What happened when", "Batches against", "Evaluation against", "Layers"):
        assert f"<h2>{heading}" in text
    assert '<rect class="trained"' in text
    assert '<polyline class="line"' in text


def test_errors_come_first(trace: Trace) -> None:
    report = copy.copy(trace.report)
    note = replace(report.visible[0], severity=Severity.WARNING, place=replace(report.visible[0].place, line=1))
    report.findings = [note, *report.findings]
    text = page(trace.document, report)
    assert text.index("error BN101") < text.index("warning BN101")


def test_what_programs_say_cannot_break_the_page(trace: Trace) -> None:
    document = load_again(trace)
    document.layers[0].name = document.layers[0].model = "<script>alert(1)</script>"
    document.command = ["<b>"]
    text = page(document, trace.report, (document, trace.report))
    assert text.count("<script") == 1
    assert "<b>" not in text.split("</h1>")[0]


def test_a_notebook_shows_the_page_when_the_trace_is_over(trace: Trace) -> None:
    shown = trace._repr_html_()
    assert shown is not None
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert 'sandbox=""' in shown
    with bn_lint.trace() as running:
        assert running._repr_html_() is None
        small()(batch()[0])
    assert len(running.document.layers) == 1


def test_code_of_cells_is_shown() -> None:
    name = "<ipython-input-7-0123456789ab>"
    code = "with torch.no_grad():\n    out = net(x)  # in a cell\n"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    net = small()
    with bn_lint.trace() as trace:
        train(net, sgd(net), steps=4)
        exec(compile(code, name, "exec"), {"torch": torch, "net": net, "x": batch()[0]})
    (finding,) = trace.findings
    assert (finding.code, finding.place.path, finding.place.line) == ("BN101", name, 2)
    assert "<mark>net(x)</mark>" in page(trace.document, trace.report)


def test_two_traces_are_compared(trace: Trace) -> None:
    net = small()
    with bn_lint.trace() as other:
        train(net, sgd(net), steps=3)
    text = page(other.document, other.report, (trace.document, trace.report))
    section = text.split("Compared with the earlier trace</h2>")[1].split("<h2>")[0]
    assert ">gone</td>" in section
    assert "BN101" in section
    assert "evaluation, training, training-without-grad" in section
    same = page(trace.document, trace.report, (trace.document, trace.report))
    assert "The findings are the same." in same
    assert "The layers and their inputs are the same." in same


def test_marks_of_epochs_and_modes() -> None:
    data = torch.utils.data.TensorDataset(torch.randn(10, 8, 6, 6), torch.zeros(10, 8, 6, 6))
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    net = nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1))
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        for _ in range(3):
            net.train()
            for x, y in loader:
                (net(x) - y).square().mean().backward()
                optimizer.step()
            net.eval()
            with torch.no_grad():
                for x, _y in loader:
                    net(x)
    document = trace.document
    assert document.epochs == [0, 3, 6]
    assert [(switch.training, switch.steps) for switch in document.modes] == [(True, [0, 3, 6]), (False, [3, 6, 9])]
    spans = {(each.kind, each.shape[0]): (each.first_step, each.last_step) for each in document.layers[0].calls}
    assert spans == {
        ("training", 4): (0, 7),
        ("training", 2): (2, 8),
        ("evaluation", 4): (3, 9),
        ("evaluation", 2): (3, 9),
    }
    chart = Chart(document)
    assert [chart.epoch_of(step) for step in (0, 2, 3, 9)] == [1, 1, 2, 3]
    axis = chart.axis()
    assert [f">{number}</text>" in axis for number in (1, 2, 3, 4)] == [True, True, True, True]
    text = page(document, trace.report)
    assert text.count('class="to-training"') == 3
    assert "<b>3</b> epochs" in text


def test_a_loader_for_each_epoch() -> None:
    data = torch.utils.data.TensorDataset(torch.randn(12, 8, 6, 6))
    net = nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1))
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        for _ in range(3):
            for (x,) in torch.utils.data.DataLoader(data, batch_size=4):
                net(x).square().mean().backward()
                optimizer.step()
    assert trace.document.epochs == [0, 3, 6]


def test_another_loader_of_the_same_data_begins_no_epoch() -> None:
    data = torch.utils.data.TensorDataset(torch.randn(12, 8, 6, 6))
    training, checking = (torch.utils.data.DataLoader(data, batch_size=4) for _ in range(2))
    net = nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1))
    optimizer = sgd(net)
    with bn_lint.trace() as trace:
        for _ in range(3):
            for step, (x,) in enumerate(training):
                net(x).square().mean().backward()
                optimizer.step()
                if step == 1:
                    net.eval()
                    with torch.no_grad():
                        for (y,) in checking:
                            net(y)
                    net.train()
    assert trace.document.epochs == [0, 3, 6]


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


def chart(steps: int, width: int, uses: bytes) -> Chart:
    layer = LayerTrace("bn", "Net", "2d", "BatchNorm2d", 8, timeline=uses.hex())
    document = Document("0", "0", "3", [], "", 0.0, steps=steps, steps_per_position=width, layers=[layer])
    return Chart(document)


def test_strips_join_what_is_alike() -> None:
    uses = bytes([1, 1, 1, 4])
    assert chart(39, 10, uses).strip(uses).count("<rect") == 2
    assert "training, steps 0 to 29" in chart(39, 10, uses).strip(uses)
    assert "mode does not fit, step 3" in chart(3, 1, uses).strip(uses)


def test_bars_of_few_calls_are_pale() -> None:
    plot = chart(99, 1, bytes([1] * 100))
    assert "sparse" in plot.span("trained", 0, 99, 10, "x")
    assert "sparse" not in plot.span("trained", 0, 99, 99, "x")


def test_curves_of_little() -> None:
    assert curve([0.0] * 5, 5, 1.0) == ""
    assert "<polyline" in curve([0.5], 1, 1.0)


def test_quartiles_of_running_statistics() -> None:
    net = nn.BatchNorm1d(5)
    with torch.no_grad():
        assert net.running_var is not None
        assert net.running_mean is not None
        net.running_var.copy_(torch.tensor([4.0, 0.25, 1.0, 9.0, 16.0]))
        net.running_mean.copy_(torch.tensor([3.0, -1.0, 0.0, 1.0, 2.0]))
    net.eval()
    with bn_lint.trace() as trace:
        net(torch.randn(4, 5))
    running = trace.document.layers[0].running
    assert running is not None
    assert running.variances == [0.25, 1.0, 4.0, 9.0, 16.0]
    assert running.means == [-1.0, 0.0, 1.0, 2.0, 3.0]
    text = page(trace.document, trace.report)
    assert "running variances 0.25, 1, 4, 9, 16" in text
    assert '<line class="median" x1="53.40%"' in text  # from 0.1 to 100


def test_statistics_of_many_layers_can_be_opened() -> None:
    """A few layers are shown at first, and no number has more digits than it tells something with."""
    net = nn.Sequential(*(each for _ in range(12) for each in (nn.Linear(4, 4), nn.BatchNorm1d(4))))
    optimizer = sgd(net)
    with bn_lint.trace(stats=True, every=1) as trace:
        for _ in range(40):
            net(torch.randn(16, 4)).square().sum().backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for _ in range(3):
                net(1e9 * torch.randn(16, 4))
    text = page(trace.document, trace.report)
    drift, evaluation = (text.index(f"<h2>{name} against running statistics") for name in ("Batches", "Evaluation"))
    for part in (text[drift:evaluation], text[evaluation : text.index("<h2>Running variances")]):
        shown, _, opened = part.partition("<details><summary>4 more</summary>")
        assert (shown.count("<code>"), opened.count("<code>")) == (8, 4)
    assert re.search(r">\d\.?\d?e\+\d+</td>", text)
    assert not re.search(r"\d,\d{3},\d{3}", text)


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
