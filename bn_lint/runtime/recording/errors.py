"""What errors of torch say about BatchNorm, read from the stack they come from."""

from __future__ import annotations

import os
from types import FrameType
from typing import NamedTuple

from bn_lint.runtime.recording.sites import USER, Site, here, is_border, owner_of, site_of, torch_folder

_FUNCTORCH = torch_folder() + "_functorch" + os.sep
_TRANSFORMS = tuple(_FUNCTORCH + name for name in ("apis.py", "eager_transforms.py"))
_FUSIONS = tuple(torch_folder() + name.replace("/", os.sep) for name in ("nn/utils/fusion.py", "ao/quantization/"))


class Transform(NamedTuple):
    """A transform of `torch.func`, and where it is applied to what calls the layer."""

    name: str
    site: Site | None


def transform_around(frame: FrameType | None, error: BaseException) -> Transform | None:
    """The outermost transform that a BatchNorm call runs in, if the call changes what the transform does not know."""
    text = str(error)
    if not isinstance(error, RuntimeError) or ("batched tensor" not in text and "in-place" not in text):
        return None
    outermost = None
    while frame is not None and not is_border(frame.f_code.co_filename):
        if frame.f_code.co_filename in _TRANSFORMS:
            outermost = frame
        frame = frame.f_back
    if outermost is None:
        return None
    # Python 3.10 knows no names but those of the wrappers.
    name = getattr(outermost.f_code, "co_qualname", "grad").partition(".")[0]
    return Transform("vmap" if "batched tensor" in text else name, here(outermost))


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
