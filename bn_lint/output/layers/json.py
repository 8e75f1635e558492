"""The table for programs. Fields may be added within version 1; none changes its meaning or goes away."""

from __future__ import annotations

import json
from typing import Any

from bn_lint.facts import Sizes
from bn_lint.output.json import cell
from bn_lint.output.layers.listing import Listing, Row
from bn_lint.output.text import well_formed

VERSION = 1


def render(listing: Listing) -> str:
    """One JSON object, with an end of line."""
    layers = [_layer(row, index) for index, listed in enumerate(listing.models) for row in listed.rows]
    document = {
        "version": VERSION,
        "models": [
            {
                "name": listed.model.name,
                "class": listed.model.class_name,
                "within": listed.model.within,
                "path": listed.model.place.path,
                **cell(listed.model.place),
                "line": listed.model.place.line,
                "column": listed.model.place.column,
                "layers": len(listed.rows),
                "complete": listed.model.is_complete,
            }
            for listed in listing.models
        ],
        "layers": [*layers, *(_layer(row, None) for row in listing.loose)],
        "omitted_models": listing.left_out,
        "files": listing.report.files,
    }
    return json.dumps(well_formed(document), indent=2) + "\n"


def _layer(row: Row, model: int | None) -> dict[str, Any]:
    layer = row.layer
    return {
        "model": model,
        "name": layer.path or None,
        "class": layer.class_name,
        "path": layer.built.path,
        **cell(layer.built),
        "line": layer.built.line,
        "column": layer.built.column,
        "num_features": layer.num_features,
        "inputs": [_shape(shape) for shape in layer.inputs],
        "modes": [mode.value for mode in layer.modes],
        "frozen": layer.frozen,
        "checked": row.checked,
        "reason": row.reason,
        "findings": row.codes,
    }


def _shape(shape: Sizes) -> list[int | str | None]:
    return [*shape.axes] if shape.ranked else ["...", *shape.axes]
