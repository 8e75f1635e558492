"""What Dynamo traces. Called while it compiles: once for each graph, never while the graph runs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import torch

from bn_lint.runtime.recording.call_context import call_context
from bn_lint.runtime.recording.sites import USER, Site, here, owner_of

if TYPE_CHECKING:
    from bn_lint.runtime.recording.recorder import Recorder

_MOST_NOTES = 2000


def note(recorder: Recorder, class_name: str, width: int, rank: int, training: bool, grad: bool) -> None:
    """Remember that a graph has a BatchNorm call in it."""
    call, name, identity = _traced()
    frame = sys._getframe(2)
    model = here(frame)
    around = call_context(frame)
    if around.root is not None:
        recorder.name_all(around.root)
    layer = recorder.layers.get(identity)
    recalibrates = around.recalibrates and training
    key = (layer or name, class_name, width, rank, training, grad, recalibrates, model)
    if key in recorder.compiled:
        recorder.compiled[key]["graphs"] += 1
    elif len(recorder.compiled) < _MOST_NOTES:
        recorder.compiled[key] = {
            "layer": layer,
            "name": name or f"{class_name}({width})",
            "class_name": class_name,
            "num_features": width,
            "rank": rank,
            "training": training,
            "grad": grad,
            "recalibrates": recalibrates,
            "call": call or model,
            "model": model,
            "graphs": 1,
        }


def _traced() -> tuple[Site | None, str, int]:
    """The innermost line of user code that is being traced, the name of the layer in what is compiled, and its `id`."""
    call, name, identity = None, "", 0
    try:
        stack = torch._guards.TracingContext.extract_stack()
        for frame in reversed(stack):
            if owner_of(frame.filename) == USER:
                call = Site(frame.filename, frame.lineno or 1)
                break
        from torch._dynamo.symbolic_convert import InstructionTranslator

        modules = InstructionTranslator.current_tx().output.current_tx.nn_module_stack
        if modules:
            key = next(reversed(modules))
            name = _plain(modules[key][0])
            identity = int(key) if str(key).isdecimal() else 0
    except Exception:  # internals of torch, which may be others tomorrow: the note is less precise then
        pass
    return call, name, identity


def _plain(path: str) -> str:
    """`L['fn']._modules['layer1'].bn` is `layer1.bn`."""
    path = re.sub(r"\._modules\[['\"]([^'\"]+)['\"]\]", r".\1", path)
    path = re.sub(r"\[['\"]?([^'\"\]]+)['\"]?\]", r".\1", path)
    return re.sub(r"^(L|G)\.\w+\.", "", path)
