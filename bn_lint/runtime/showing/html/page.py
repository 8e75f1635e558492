"""The page: what was found, the layers, and their plots."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from bn_lint.check.report import Report
from bn_lint.facts import Place
from bn_lint.output.text import counted
from bn_lint.project.source import Sources
from bn_lint.rule import Finding
from bn_lint.runtime.document.document import Document, LayerTrace
from bn_lint.runtime.recording.layer_records import TIMELINE
from bn_lint.runtime.showing.html.plots import LEGEND, line, timeline, values_range
from bn_lint.runtime.showing.table import shapes

_TRAINING = ("training", "training-without-grad", "recomputed")
_EVALUATION = ("evaluation", "evaluation-with-grad")


def page(document: Document, report: Report) -> str:
    """The report of a trace as a complete HTML document."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_command(document))} - bn-lint trace</title>\n<style>\n{style}</style></head>\n<body><main>\n"
        + "".join(_parts(document, report))
        + "</main></body></html>\n"
    )


def _command(document: Document) -> str:
    return " ".join(document.command) or "trace"


def _parts(document: Document, report: Report) -> Iterator[str]:
    layers = [layer for layer in document.layers if layer.called]
    yield "<h1>BatchNorm at run time</h1>\n"
    yield f'<p class="soft command"><code>{escape(_command(document))}</code><br>'
    started = escape(document.started[:19].replace("T", " "))
    yield f"{started} UTC, {document.seconds:,.1f} s, PyTorch {escape(document.torch)}</p>\n"
    calls = sum(each.count for layer in layers for each in layer.calls)
    numbers = [
        (f"{len(report.visible):,}", "findings" if len(report.visible) != 1 else "finding"),
        (f"{len(layers):,}", "BatchNorm layers" if len(layers) != 1 else "BatchNorm layer"),
        (f"{calls:,}", "calls"),
        (f"{document.steps:,}", "optimizer steps"),
    ]
    if document.processes > 1:
        numbers.append((str(document.processes), "processes"))
    yield '<ul class="numbers">' + "".join(f"<li><b>{value}</b> {name}</li>" for value, name in numbers) + "</ul>\n"
    yield "<h2>Findings</h2>\n"
    if not report.visible:
        yield '<p class="clean">Nothing found.</p>\n'
    yield from (_finding(finding, report.sources) for finding in report.visible)
    if document.failure is not None:
        where, message = escape(document.failure.layer), escape(document.failure.message)
        yield f"<p>The program failed in <code>{where}</code>: {message}</p>\n"
    if layers:
        yield from _modes(document, layers)
        yield from _values(layers)
        yield from _drift(document, layers)
        yield from _table([layer for layer in document.layers if layer.called or layer.model])
    yield from (f'<p class="soft">{escape(note)}</p>\n' for note in document.notes)
    yield f"<footer>Made by bn-lint {escape(document.bn_lint)}.</footer>\n"


def _finding(finding: Finding, sources: Sources) -> str:
    severity = finding.severity.value
    evidence = "".join(
        f'<li>{_code(each.message)} <span class="where mono">{escape(each.place.path)}:{each.place.line}</span></li>'
        for each in finding.evidence
    )
    help_ = "" if finding.help is None else f'<p class="help"><b>help:</b> {_code(finding.help)}</p>'
    return (
        f'<section class="finding {severity}"><h3><span class="badge">{severity} {finding.code}</span>'
        f'{_code(finding.message)}</h3><div class="where mono">{escape(finding.place.path)}:{finding.place.line}'
        f":{finding.place.column} &middot; {escape(finding.name)}</div>{_source(finding.place, sources)}"
        f"{f'<ul>{evidence}</ul>' if evidence else ''}{help_}</section>\n"
    )


def _code(text: str) -> str:
    """Text with `code` between back quotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _source(place: Place, sources: Sources) -> str:
    text = sources.line(place.path, place.line)
    if text is None:
        return ""
    end = place.end_column - 1 if place.end_line == place.line else len(text)
    start = min(place.column - 1, len(text))
    before, marked, after = text[:start], text[start:end], text[end:]
    stripped = before.lstrip()
    return f"<pre><i>{place.line:>5} </i>{escape(stripped)}<mark>{escape(marked)}</mark>{escape(after)}</pre>"


def _modes(document: Document, layers: list[LayerTrace]) -> Iterator[str]:
    positions = min(-(-(document.steps + 1) // document.steps_per_position), TIMELINE)
    uses = {id(layer): _bytes(layer.timeline) for layer in layers}
    last = max((len(each) for each in uses.values()), default=0)
    positions = max(min(positions, last or positions), 1)
    if not any(any(each) for each in uses.values()):
        return
    used = set().union(*(set(each) for each in uses.values()))
    yield "<h2>Mode over time</h2>\n"
    yield '<ul class="legend">'
    for name, text in LEGEND:
        strip = timeline(bytes(sorted(used)), len(used), 1)
        if f'class="{name}"' in strip:
            yield f'<li><svg viewBox="0 0 12 12"><rect class="{name}" width="12" height="12" rx="2"/></svg>{text}</li>'
    yield "</ul>\n"
    # Most layers of a model are used alike: one row shows them all.
    alike: dict[bytes, list[LayerTrace]] = {}
    for layer in layers:
        if any(uses[id(layer)]):
            alike.setdefault(uses[id(layer)], []).append(layer)
    rows = ((same, timeline(use, positions, document.steps_per_position), "") for use, same in alike.items())
    yield from _plots(rows, f"{counted(document.steps, 'optimizer step')}, from left to right", "")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text + "0" * (len(text) % 2))


def _values(layers: list[LayerTrace]) -> Iterator[str]:
    ranges = {}
    for layer in layers:
        known = [each.values_per_channel for each in layer.calls_of(*_TRAINING)]
        numbers = [number for number in known if number]
        if numbers:
            ranges[id(layer)] = (min(numbers), max(numbers))
    if not ranges:
        return
    largest = max(high for _, high in ranges.values())
    yield "<h2>Values per channel in training</h2>\n"
    yield '<p class="soft">How many numbers each mean and variance is computed from, on a logarithmic scale.</p>\n'
    rows = (
        ([layer], values_range(*ranges[id(layer)], largest), f"{ranges[id(layer)][0]:,}")
        for layer in layers
        if id(layer) in ranges
    )
    yield from _plots(rows, f"1 to {largest:,}", "fewest")


def _drift(document: Document, layers: list[LayerTrace]) -> Iterator[str]:
    measured = [layer for layer in layers if layer.drift is not None and any(layer.drift.history)]
    if measured:
        largest = max(max(layer.drift.history) for layer in measured if layer.drift is not None)
        last = (
            max(index for layer in measured if layer.drift for index, v in enumerate(layer.drift.history) if v > 0) + 1
        )
        yield "<h2>Batches against running statistics</h2>\n"
        yield '<p class="soft">By how many running standard deviations the means of a batch are off. Dashed: one.</p>\n'
        rows = (
            ([layer], line(layer.drift.history, last, largest), f"{layer.drift.shift:.2g}")
            for layer in measured
            if layer.drift is not None
        )
        yield from _plots(rows, f"{counted(document.steps, 'optimizer step')}, from left to right", "mean")
    evaluated = [layer for layer in layers if layer.evaluation_drift is not None]
    if evaluated:
        yield "<h2>Evaluation against running statistics</h2>\n"
        yield '<div class="scroll"><table class="stack"><thead><tr><th>layer</th><th class="right">means off by</th>'
        yield '<th class="right">variances times</th><th class="right">batches</th></tr></thead><tbody>\n'
        for layer in evaluated:
            drift = layer.evaluation_drift
            assert drift is not None
            spread = "" if drift.spread is None else f"{drift.spread:.2g}"
            yield f'<tr><td class="mono">{escape(layer.name)}</td>'
            yield f'<td class="right" data-label="means off by">{drift.shift:.2g}</td>'
            yield f'<td class="right" data-label="variances times">{spread}</td>'
            yield f'<td class="right" data-label="batches">{drift.batches}</td></tr>\n'
        yield "</tbody></table></div>\n"


def _plots(rows: Iterator[tuple[list[LayerTrace], str, str]], axis: str, number: str) -> Iterator[str]:
    head = f'<th class="right">{number}</th>' if number else ""
    yield f'<div class="scroll"><table class="stack"><thead><tr><th>layer</th><th>{axis}</th>{head}</tr></thead>'
    yield "<tbody>\n"
    for layers, plot, value in rows:
        more = f' <span class="soft">and {len(layers) - 1} more</span>' if len(layers) > 1 else ""
        names = escape(", ".join(layer.name for layer in layers))
        cell = f'<td class="right" data-label="{number}">{value}</td>' if number else ""
        yield f'<tr><td class="mono" title="{names}">{escape(layers[0].name)}{more}</td>'
        yield f'<td class="plot">{plot}</td>{cell}</tr>\n'
    yield "</tbody></table></div>\n"


def _table(layers: list[LayerTrace]) -> Iterator[str]:
    yield "<h2>Layers</h2>\n"
    yield '<div class="scroll"><table class="stack"><thead><tr><th>layer</th><th>type</th><th class="right">width</th>'
    yield '<th>built at</th><th class="right">train</th><th class="right">eval</th><th>shapes</th>'
    yield "<th>device</th></tr></thead><tbody>\n"
    for layer in layers:
        training = sum(each.count for each in layer.calls_of(*_TRAINING))
        evaluation = sum(each.count for each in layer.calls_of(*_EVALUATION))
        devices = ", ".join(sorted({each.device for each in layer.calls if each.device}))
        built = "" if layer.built is None else f"{layer.built.path}:{layer.built.line}"
        cells = (
            ("mono", "", layer.name),
            ("", "", layer.class_name),
            ("right", "width", "" if layer.num_features is None else str(layer.num_features)),
            ("mono", "built at", built),
            ("right", "train", f"{training:,}"),
            ("right", "eval", f"{evaluation:,}"),
            ("mono", "shapes", shapes(layer)),
            ("", "", devices),
        )
        yield "<tr>" + "".join(
            f'<td class="{kind}"{f" data-label={chr(34)}{label}{chr(34)}" if label else ""}>{escape(text)}</td>'
            for kind, label, text in cells
        )
        yield "</tr>\n"
    yield "</tbody></table></div>\n"
