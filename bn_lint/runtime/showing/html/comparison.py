"""Two traces side by side: which findings came and went, and which layers are used in another way."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bn_lint.check.report import Report
from bn_lint.output.html.document import table, with_code
from bn_lint.rule import Finding
from bn_lint.runtime.document.document import Document, LayerTrace
from bn_lint.runtime.showing.table import shapes

#: Differences that are shown at most.
_MOST_CHANGES = 100


def compared(document: Document, report: Report, before: Document, report_before: Report) -> Iterator[str]:
    """What is different from an earlier trace."""
    command, started = " ".join(before.command), before.started[:19].replace("T", " ")
    yield "<h2>Compared with the earlier trace</h2>\n"
    about = f"{escape(started)} UTC, {before.steps:,} optimizer steps"
    yield f'<p class="soft"><code>{escape(command)}</code>, {about}</p>\n'
    new, gone = _only(report, report_before), _only(report_before, report)
    rows = [("new", finding) for finding in new] + [("gone", finding) for finding in gone]
    if rows:
        yield table(
            [("name", ""), ("", "finding"), ("where", "at")],
            (
                (
                    word,
                    f"{escape(finding.code)} {with_code(finding.message)}",
                    f"{escape(finding.place.file)}:{finding.place.line}",
                )
                for word, finding in rows
            ),
        )
    else:
        yield "<p>The findings are the same.</p>\n"
    changes = _changes(document, before)
    if changes:
        yield table(
            [("name", "layer"), ("", "what"), ("", "earlier"), ("", "now")],
            (
                (_names(layers), what, escape(old), escape(new))
                for (what, old, new), layers in list(changes.items())[:_MOST_CHANGES]
            ),
        )
    else:
        yield "<p>The layers and their inputs are the same.</p>\n"


def _only(one: Report, other: Report) -> list[Finding]:
    """The findings of the one that the other does not have; lines may have moved."""
    known = {(finding.code, finding.place.path, finding.message) for finding in other.visible}
    return [each for each in one.visible if (each.code, each.place.path, each.message) not in known]


def _changes(document: Document, before: Document) -> dict[tuple[str, str, str], list[str]]:
    """What is different, earlier and now, and in which layers."""
    now = {(layer.model, layer.name): layer for layer in document.layers if layer.called}
    then = {(layer.model, layer.name): layer for layer in before.layers if layer.called}
    found: dict[tuple[str, str, str], list[str]] = {}
    for key in dict.fromkeys((*then, *now)):
        old, new = _about(then.get(key)), _about(now.get(key))
        for what in old:
            if old[what] != new[what]:
                found.setdefault((what, old[what], new[what]), []).append(key[1])
    return found


def _about(layer: LayerTrace | None) -> dict[str, str]:
    if layer is None:
        return {"width": "-", "inputs": "-", "calls": "-"}
    width = "?" if layer.num_features is None else layer.num_features
    kinds = sorted({calls.kind for calls in layer.calls})
    return {"width": f"{layer.class_name} {width}", "inputs": shapes(layer), "calls": ", ".join(kinds)}


def _names(layers: list[str]) -> str:
    more = f' <span class="soft">and {len(layers) - 1} more</span>' if len(layers) > 1 else ""
    return f"<code>{escape(layers[0])}</code>{more}"
