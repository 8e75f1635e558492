"""Reads the stack around a BatchNorm call: which line applies the layer, what calls the model, and what for."""

from __future__ import annotations

import os
from functools import cache
from types import FrameType
from typing import NamedTuple

import torch

from bn_lint.libraries import LIBRARIES
from bn_lint.runtime.document.document import EXPORTS
from bn_lint.runtime.recording.sites import LIBRARY, USER, Site, Trail, is_border, owner_of, site_of, torch_folder

_CALL = torch.nn.Module._call_impl.__code__
#: Tools that run a model only to look at it, by the folder of their package.
_TOOLS = tuple(package for library in LIBRARIES if library.looks_at_models for package in library.packages)


class CallContext(NamedTuple):
    """What the stack says about one call.

    Attributes:
        root: The outermost module that is being called; None when a layer's `forward` was called by itself.
        direct: A line of the user's code applies the layer itself, and not a container that has it inside.
        inner: Where the outermost module's own code is; it differs between two uses of one part in a forward pass.
        tool: What looks at the model: `torch.jit.trace`, `thop`.
        recalibrates: `torch.optim.swa_utils.update_bn` recomputes statistics.
        warms_up: A CUDA graph is being prepared.
        checkpoint: Where activation checkpointing was asked for; its first pass may run without gradients.
    """

    trail: Trail
    root: torch.nn.Module | None
    inner: Site | None
    direct: bool = False
    tool: str | None = None
    recalibrates: bool = False
    warms_up: bool = False
    checkpoint: bool = False


def call_context(frame: FrameType | None) -> CallContext:
    """Look at the frames from `frame` outwards."""
    call = call_in_library = model = model_in_library = root_frame = last = inner = None
    tool: str | None = None
    recalibrates = warms_up = checkpoint = direct = False
    calls = 0
    while frame is not None and not is_border(frame.f_code.co_filename):
        code = frame.f_code
        if code is _CALL:
            root_frame, inner = frame, last
            calls += 1
            model = model_in_library = last = None
        else:
            path = code.co_filename
            owner = owner_of(path)
            if owner == USER:
                if call is None:
                    call, direct = frame, calls <= 1
                model = model or frame
                last = last or frame
            elif owner == LIBRARY:
                call_in_library = call_in_library or frame
                model_in_library = model_in_library or frame
                last = last or frame
                tool = tool or tool_in(path)
            elif path in _MARKS:
                mark = _MARKS[path]
                if mark == "swa":
                    recalibrates = recalibrates or code.co_name == "update_bn"
                elif mark == "warm-up":
                    warms_up = True
                elif mark == "checkpoint":
                    checkpoint = True
                else:
                    # An export uses some of the others; what it is for counts.
                    tool = mark if mark in EXPORTS else tool or mark
        frame = frame.f_back
    call = call or call_in_library
    model = model or model_in_library or call
    trail = Trail(None if call is None else site_of(call), None if model is None else site_of(model))
    root = None if root_frame is None else root_frame.f_locals.get("self")
    return CallContext(
        trail,
        root if isinstance(root, torch.nn.Module) else None,
        None if inner is None else site_of(inner),
        direct,
        tool,
        recalibrates,
        warms_up,
        checkpoint,
    )


def is_in_call(frame: FrameType | None) -> bool:
    """Whether a module is being called around a frame."""
    while frame is not None and not is_border(frame.f_code.co_filename):
        if frame.f_code is _CALL:
            return True
        frame = frame.f_back
    return False


@cache
def tool_in(path: str) -> str | None:
    """Which of these tools a file belongs to."""
    return next((name for name in _TOOLS if f"/{name}/" in path.replace("\\", "/")), None)


def _marks() -> dict[str, str]:
    folder = torch_folder()
    names = {
        ("optim", "swa_utils.py"): "swa",
        ("cuda", "graphs.py"): "warm-up",
        ("utils", "checkpoint.py"): "checkpoint",
        ("jit", "_trace.py"): "torch.jit.trace",
        ("fx", "passes", "shape_prop.py"): "ShapeProp",
        ("fx", "experimental", "proxy_tensor.py"): "make_fx",
        ("export", "__init__.py"): "torch.export",
        ("export", "_trace.py"): "torch.export",
        ("onnx", "__init__.py"): "torch.onnx.export",
    }
    return {folder + os.sep.join(parts): mark for parts, mark in names.items()}


_MARKS = _marks()
