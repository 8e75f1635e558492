"""What Dynamo traces. Called while it compiles: once for each graph, never while the graph runs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import torch

from bn_lint.runtime.sites import USER, Site, here, owner_of
from bn_lint.runtime.surroundings import survey

if TYPE_CHECKING:
    from bn_lint.runtime.recorder import Recorder

_MOST_NOTES = 2000


def note(recorder: Recorder, class_name: str, width: int, rank: int, training: bool, grad: bool) -> None:
    """Remember that a graph has a BatchNorm call in it."""
    call, name = _traced()
    frame = sys._getframe(2)
    model = here(frame)
    root = survey(frame).root
    if root is not None:
        recorder.name_all(root)
    key = (name, class_name, width, rank, training, grad, model)
    if key in recorder.compiled:
        recorder.compiled[key]["graphs"] += 1
    elif len(recorder.compiled) < _MOST_NOTES:
        recorder.compiled[key] = {
            "name": name or f"{class_name}({width})",
            "class_name": class_name,
            "num_features": width,
            "rank": rank,
            "training": training,
            "grad": grad,
            "call": call or model,
            "model": model,
            "graphs": 1,
            "step": recorder.step,
        }


def _traced() -> tuple[Site | None, str]:
    """The innermost line of user code that is being traced, and the name of the layer in the model."""
    call, name = None, ""
    try:
        stack = torch._guards.TracingContext.extract_stack()
        for frame in reversed(stack):
            if owner_of(frame.filename) == USER:
                call = Site(frame.filename, frame.lineno or 1)
                break
    except Exception:  # internals of torch, which may be others tomorrow
        pass
    try:
        from torch._dynamo.symbolic_convert import InstructionTranslator

        modules = list(InstructionTranslator.current_tx().nn_module_stack.values())
        name = _plain(modules[-1][0]) if modules else ""
    except Exception:
        pass
    return call, name


def _plain(path: str) -> str:
    """`L['self']._modules['layer1'].bn` is `layer1.bn`."""
    path = re.sub(r"\._modules\[['\"]([^'\"]+)['\"]\]", r".\1", path)
    path = re.sub(r"\[['\"]?([^'\"\]]+)['\"]?\]", r".\1", path)
    return re.sub(r"^(L|G)\.(self\.)?", "", path)
