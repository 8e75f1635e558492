"""What errors of torch say about BatchNorm, read from the stack they come from."""

from __future__ import annotations

import os
from typing import NamedTuple

from torch.nn.modules.batchnorm import _BatchNorm

from bn_lint.runtime.recording.sites import USER, Site, owner_of, site_of, torch_folder

_FUNCTORCH = torch_folder() + "_functorch" + os.sep
_TRANSFORMS = tuple(_FUNCTORCH + name for name in ("apis.py", "eager_transforms.py"))
_FUSIONS = tuple(torch_folder() + name.replace("/", os.sep) for name in ("nn/utils/fusion.py", "ao/quantization/"))


class Refusal(NamedTuple):
    """A transform of `torch.func` refused a BatchNorm layer.

    Attributes:
        transform: The name of the transform.
        applied: Where it is applied to what calls the layer.
        call: The user's line that applies the layer.
    """

    transform: str
    layer: _BatchNorm
    applied: Site | None
    call: Site | None


def refused_by_transform(error: BaseException) -> Refusal | None:
    """What the traceback of an error says of the outermost transform, if a layer changed what that does not know."""
    text = str(error)
    if not isinstance(error, RuntimeError) or ("batched tensor" not in text and "in-place" not in text):
        return None
    transform: str | None = None
    applied, line, step = None, None, error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if transform is None and code.co_filename in _TRANSFORMS:
            # Python 3.10 knows no names but those of the wrappers.
            name = getattr(code, "co_qualname", "grad").partition(".")[0]
            transform, applied = "vmap" if "batched tensor" in text else name, line
        if owner_of(code.co_filename) == USER:
            line = site_of(step.tb_frame, step.tb_lasti)
        layer = step.tb_frame.f_locals.get("self")
        if transform is not None and isinstance(layer, _BatchNorm):
            return Refusal(transform, layer, applied, line)
        step = step.tb_next
    return None


def refused_fusion(error: BaseException) -> Site | None:
    """The user's line that asked for the fusion of layers which PyTorch refused because they are in training mode."""
    if not isinstance(error, AssertionError) or "eval" not in str(error):
        return None
    site, step = None, error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if path.startswith(_FUSIONS):
            return site
        if owner_of(path) == USER:
            site = site_of(step.tb_frame, step.tb_lasti)
        step = step.tb_next
    return None
