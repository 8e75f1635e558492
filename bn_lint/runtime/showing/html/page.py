"""The page of a trace: what is wrong, where and since when; what happened when; the layers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from html import escape
from typing import NamedTuple, TypeVar

from bn_lint.check.report import Report
from bn_lint.output.cells import in_cells
from bn_lint.output.html.document import document as complete
from bn_lint.output.html.document import header, numbers, path_text, search, table
from bn_lint.output.html.findings import by_severity, findings, verdict
from bn_lint.output.module_tree import folded_rows, module_tree
from bn_lint.output.text import TIMES, counted
from bn_lint.rule import Finding
from bn_lint.runtime.document.document import Calls, Document, LayerTrace
from bn_lint.runtime.showing.html.chart import Chart, curve, legend, row
from bn_lint.runtime.showing.html.comparison import compared
from bn_lint.runtime.showing.html.variances import variances
from bn_lint.runtime.showing.table import shape, shapes

_TRAINING = ("training", "training-without-grad", "recomputed")
_EVALUATION = ("evaluation", "evaluation-with-grad")
#: Calls in a mode that does not fit what they are for.
_UNFIT = ("training-without-grad", "evaluation-with-grad")
_IN_WORDS = {"training-without-grad": "training mode, no gradients", "evaluation-with-grad": "eval mode, gradients"}
#: A mean over fewer values is noise.
_FEW_VALUES = 16
#: Rows that one part of the page has at most.
_MOST_ROWS, _MOST_SHAPES = 200, 8
#: Rows of statistics that are shown before somebody asks for more.
_MOST_OPEN = 8

_Row = TypeVar("_Row")


def page(document: Document, report: Report, before: tuple[Document, Report] | None = None) -> str:
    """The report of a trace as a complete HTML document.

    Args:
        before: Another trace that this one is compared with, and its report.
    """
    return complete(f"{_command(document)} - bn-lint trace", _parts(document, in_cells(report), before))


def _command(document: Document) -> str:
    return " ".join(document.command) or "trace"


def _parts(document: Document, report: Report, before: tuple[Document, Report] | None) -> Iterator[str]:
    chart = Chart(document)
    layers = [layer for layer in document.layers if layer.called]
    started = document.started[:19].replace("T", " ")
    processes = counted(document.processes, "process", "processes") if document.processes > 1 else ""
    about = (f"{started} UTC", f"{document.seconds:,.1f} s", f"PyTorch {document.torch}", processes)
    yield header("BatchNorm at run time", _command(document), about)
    yield verdict(report)
    yield numbers(
        [
            (len(layers), "BatchNorm layer", "BatchNorm layers"),
            (document.steps, "optimizer step", "optimizer steps"),
            *([(len(chart.epochs), "epoch", "epochs")] if chart.epochs else []),
            (sum(each.count for layer in layers for each in layer.calls), "call", "calls"),
        ]
    )
    yield from findings(report, lambda finding: _since(finding, document, chart))
    if document.failure is not None:
        where, message = escape(document.failure.layer), escape(document.failure.message)
        yield f'<p class="finding error">The program failed in <code>{where}</code>: {message}</p>\n'
    if before is not None:
        yield from compared(document, report, *before)
    if layers:
        yield from _history(document, report, layers, chart)
        yield from _drift(document, layers, chart)
        yield from variances(layers)
        yield from _tree([layer for layer in document.layers if layer.called or layer.model])
    yield from (f'<p class="soft">{escape(note)}</p>\n' for note in document.notes)


# -- since when ------------------------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """The optimizer steps in which something was wrong, in how many calls of one layer, and whether these were trained.

    Calls without gradients come before the step that follows them, but belong to the epoch that is over.
    """

    first: int
    last: int
    calls: int
    with_gradients: bool


def _span(finding: Finding, document: Document) -> _Span | None:
    """When the line of a finding ran its layers; of mistakes with modes, when it did that in the wrong one."""
    found: _Span | None = None
    for layer in document.layers:
        calls = [each for each in layer.calls if each.first_step >= 0 and _runs(finding, each)]
        if finding.code.startswith("BN1"):
            calls = [each for each in calls if each.kind in _UNFIT] or calls
        if calls:
            own = _Span(
                min(each.first_step for each in calls),
                max(each.last_step for each in calls),
                sum(each.count for each in calls),
                any(each.grad for each in calls),
            )
            found = own if found is None else _joined(found, own)
    return found


def _joined(one: _Span, other: _Span) -> _Span:
    first, last = min(one.first, other.first), max(one.last, other.last)
    return _Span(first, last, max(one.calls, other.calls), one.with_gradients or other.with_gradients)


def _runs(finding: Finding, calls: Calls) -> bool:
    """Whether the line of a finding made these calls."""
    places = [calls.last, *(place for one in calls.reached for place in (one.call, one.model))]
    here = finding.place
    return any(place is not None and (place.path, place.line) == (here.path, here.line) for place in places)


def _since(finding: Finding, document: Document, chart: Chart) -> str:
    span = _span(finding, document)
    if span is None or not document.steps:
        return ""
    epoch = chart.epoch_of(span.first if span.with_gradients else max(span.first - 1, 0))
    within = f" (epoch {epoch})" if epoch is not None and len(chart.epochs) > 1 else ""
    until = "" if span.last >= document.steps - 1 else f" until step {span.last:,}"
    return f"Since optimizer step {span.first:,}{within}{until}, in {counted(span.calls, 'call')}"


# -- what happened when ----------------------------------------------------------------------------------------------


def _history(document: Document, report: Report, layers: list[LayerTrace], chart: Chart) -> Iterator[str]:
    uses = {id(layer): _bytes(layer.timeline) for layer in layers}
    if not document.steps or not any(any(each) for each in uses.values()):
        return
    yield "<h2>What happened when</h2>\n"
    yield from legend(b"".join(uses.values()))
    yield '<div class="chart">\n'
    epochs = "epoch<br>" if chart.epochs else "<br>"
    yield row(f'<small class="soft">{epochs}step</small>', chart.axis(), kind="ticks")
    yield from _finding_rows(document, report, chart)
    switches = [switch for switch in document.modes if switch.steps and switch.place is not None]
    if switches:
        yield "<h3>Modes set</h3>\n"
    for switch in switches[:_MOST_ROWS]:
        assert switch.place is not None
        name, kind = ("train()", "to-training") if switch.training else ("eval()", "to-evaluation")
        place = f"{switch.place.path}:{switch.place.line}"
        text = f"{name} at {place}, {counted(switch.count, 'time')}, {counted(switch.layers, 'layer')}"
        plot = chart.marks(kind, switch.steps, text)
        yield row(f"{name} <span class=where>{escape(place)}</span>", plot, f"{switch.count:,}{TIMES}", title=text)
    yield "<h3>Layers in use</h3>\n"
    # Most layers of a model are used alike: one row shows them all.
    alike: dict[tuple[str, bytes], list[LayerTrace]] = {}
    for layer in layers:
        if any(uses[id(layer)]):
            alike.setdefault((layer.model, uses[id(layer)]), []).append(layer)
    for (_, use), same in list(alike.items())[:_MOST_ROWS]:
        more = f" <span class=soft>and {len(same) - 1} more</span>" if len(same) > 1 else ""
        names = ", ".join(layer.name for layer in same[:_MOST_ROWS])
        yield row(f"<code>{escape(same[0].name)}</code>{more}", chart.strip(use), title=names)
    yield from _input_rows(layers, chart)
    yield "</div>\n"


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text + "0" * (len(text) % 2))


def _finding_rows(document: Document, report: Report, chart: Chart) -> Iterator[str]:
    rows = []
    for number, finding in enumerate(by_severity(report)):
        span = _span(finding, document)
        if span is not None:
            text = f"steps {span.first:,} to {span.last:,}"
            label = f'<a href="#finding-{number}">{escape(finding.code)}</a> {escape(finding.name)}'
            plot = chart.span(f"span {finding.severity.value}", span.first, span.last, span.calls, text)
            rows.append(row(label, plot, f"{span.calls:,}{TIMES}", title=f"{finding.name}, {text}"))
    if rows:
        yield "<h3>Findings</h3>\n"
        yield from rows


def _input_rows(layers: list[LayerTrace], chart: Chart) -> Iterator[str]:
    """The shapes that the first layer of each model saw: the batch sizes of all of it."""
    first: dict[str, LayerTrace] = {}
    for layer in layers:
        first.setdefault(layer.model, layer)
    for layer in list(first.values())[:_MOST_SHAPES]:
        known = [calls for calls in layer.calls if calls.first_step >= 0 and calls.kind in (*_TRAINING, *_EVALUATION)]
        if not known:
            continue
        yield f"<h3>Inputs of <code>{escape(layer.name)}</code></h3>\n"
        for calls in sorted(known, key=lambda calls: (calls.first_step, -calls.count))[:_MOST_SHAPES]:
            kind = "unusual" if calls.kind in _UNFIT else "trained" if calls.kind in _TRAINING else "evaluated"
            text = f"{shape(calls)}, {calls.kind}, steps {calls.first_step:,} to {calls.last_step:,}"
            few = calls.kind in _TRAINING and (calls.values_per_channel or _FEW_VALUES) < _FEW_VALUES
            note = f' <span class="soft">{"tiny batch" if few else _IN_WORDS.get(calls.kind, calls.kind)}</span>'
            plot = chart.span(kind, calls.first_step, calls.last_step, calls.count, text)
            yield row(f"<code>{shape(calls)}</code>{note}", plot, f"{calls.count:,}{TIMES}", title=text)
        if len(known) > _MOST_SHAPES:
            yield f'<p class="soft">and {len(known) - _MOST_SHAPES} more</p>\n'


# -- statistics ------------------------------------------------------------------------------------------------------


def _drift(document: Document, layers: list[LayerTrace], chart: Chart) -> Iterator[str]:
    measured = [(layer, layer.drift) for layer in layers if layer.drift is not None and any(layer.drift.history)]
    if measured:
        largest = max(max(drift.history) for _, drift in measured)
        top = f", the top of each row {_short(largest)}" if largest > 1 else ""
        yield "<h2>Batches against running statistics</h2>\n"
        yield (
            '<p class="soft">By how many running standard deviations the means of a training batch are off. The dashed '
            f"line is one{top}. On the right: the mean. The layers that are off most come first.</p>\n"
        )
        rows = [
            row(
                f"<code>{escape(layer.name)}</code>",
                curve(drift.history, chart.positions, largest),
                _short(drift.shift),
            )
            for layer, drift in sorted(measured, key=lambda pair: -pair[1].shift)[:_MOST_ROWS]
        ]
        axis = row("", chart.axis(), kind="ticks")
        yield from _opening(rows, lambda part: f'<div class="chart">\n{"".join(part)}{axis}</div>\n')
    evaluated = [(layer, layer.evaluation_drift) for layer in layers if layer.evaluation_drift is not None]
    if evaluated:
        yield "<h2>Evaluation against running statistics</h2>\n"
        yield (
            '<p class="soft">By how many running standard deviations the means of the first batches are off, and how '
            "many times as large their variances are. Far from 0 and 1 in the first layer: the data are not those of "
            "the training. Deeper layers are off also while weights change fast.</p>\n"
        )
        columns = [("name", "layer"), ("right", "means off by"), ("right", "variances times"), ("right", "batches")]
        cells = [
            (
                f"<code>{escape(layer.name)}</code>",
                _short(drift.shift),
                "" if drift.spread is None else _short(drift.spread),
                f"{drift.batches:,}",
            )
            for layer, drift in evaluated[:_MOST_ROWS]
        ]
        yield from _opening(cells, lambda part: table(columns, part))


def _opening(rows: list[_Row], show: Callable[[list[_Row]], str]) -> Iterator[str]:
    """The first rows; the others can be opened."""
    yield show(rows[:_MOST_OPEN])
    if rows[_MOST_OPEN:]:
        yield f"<details><summary>{len(rows) - _MOST_OPEN:,} more</summary>{show(rows[_MOST_OPEN:])}</details>\n"


def _short(value: float) -> str:
    return f"{value:,.0f}" if 100 <= abs(value) < 1e6 else f"{value:.2g}"


# -- layers ----------------------------------------------------------------------------------------------------------


def _tree(layers: list[LayerTrace]) -> Iterator[str]:
    yield "<h2>Layers</h2>\n"
    yield '<p class="soft">Neighbors that are alike share a row.</p>\n'
    yield search("layers", "name, class or file")
    yield '<div id="layers">\n'
    models: dict[str, list[LayerTrace]] = {}
    for layer in layers:
        models.setdefault(layer.model, []).append(layer)
    devices = {each.device for layer in layers for each in layer.calls if each.device}
    columns = [
        ("name", "layer"),
        ("", "class"),
        ("right", "width"),
        ("where", "built at"),
        ("mono", "inputs"),
        ("right", "training"),
        ("right", "evaluation"),
        ("right", "values/channel"),
        ("", "device"),
    ][: 9 if len(devices) > 1 else 8]
    for model, own in models.items():
        yield f'<section class="model"><h3>{escape(model) or "In no model"}</h3>\n'
        tree = module_tree([(layer.name, layer) for layer in own], _same)
        rows = (list(_cells(path, node.leaves[0], node.count)) for path, node in folded_rows(tree))
        yield table(columns, (cells[: len(columns)] for cells in rows))
        yield "</section>\n"
    yield "</div>\n"


def _same(layer: LayerTrace) -> Hashable:
    calls = tuple((each.kind, tuple(each.shape), each.count, each.device) for each in layer.calls)
    built = None if layer.built is None else (layer.built.path, layer.built.line)
    return layer.class_name, layer.num_features, built, calls


def _cells(path: str, layer: LayerTrace, count: int) -> Iterable[str]:
    fewest = min((each.values_per_channel or 0 for each in layer.calls_of(*_TRAINING)), default=0)
    many = f" <span class=count>{TIMES}{count}</span>" if count > 1 else ""
    yield f"<code>{escape(path)}</code>{many}"
    yield escape(layer.class_name)
    yield "" if layer.num_features is None else f"{layer.num_features:,}"
    yield "" if layer.built is None else path_text(f"{layer.built.path}:{layer.built.line}")
    yield escape(shapes(layer))
    yield f"{sum(each.count for each in layer.calls_of(*_TRAINING)):,}"
    yield f"{sum(each.count for each in layer.calls_of(*_EVALUATION)):,}"
    yield f"{fewest:,}" if fewest else ""
    yield escape(", ".join(sorted({each.device for each in layer.calls if each.device})))
