"""Building a model and running it once, in training mode and on the meta device: does it raise, and where was what?"""

from __future__ import annotations

import importlib
import importlib.machinery
import logging
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mutation.libraries import Library, Recipe


@dataclass(frozen=True)
class Outcome:
    """What became of a run: `stage` is `ok`, or what raised: `import`, `build`, `forward`, or `timeout`."""

    stage: str
    error: str = ""


def prepare(library: Library) -> None:
    """Imports torch and what the library needs, but not the library: its code may change in each fork."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    _declare_torchvision_operators()
    # The libraries that are needed are not installed but lie side by side, as does this one.
    sys.path[:0] = [str(path) for path in library.import_path()]
    for name in library.needs:
        importlib.import_module(name)


def _declare_torchvision_operators() -> None:
    """Without torchvision's compiled part, which is not used here, its import asks for operators nobody declared."""
    import torch

    library: Any = torch.library.Library
    declarations = library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        declarations.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _KEPT.append(declarations)


#: Operators go away with the object that declared them.
_KEPT: list[object] = []


def run(library: Library, recipe: Recipe) -> Outcome:
    """Builds the model of a recipe and calls it once."""
    import torch

    names: dict[str, Any] = {"torch": torch}
    try:
        for name in (library.package, *library.modules):
            importlib.import_module(name)
            names[name.partition(".")[0]] = sys.modules[name.partition(".")[0]]
    except Exception as error:
        return Outcome("import", _describe(error))
    torch.manual_seed(0)
    try:
        model = _build(recipe, names)
    except Exception as error:
        return Outcome("build", _describe(error))
    try:
        with torch.no_grad():
            model(*(torch.empty(shape, device="meta") for shape in recipe.inputs))
    except Exception as error:
        return Outcome("forward", _describe(error))
    return Outcome("ok")


def _build(recipe: Recipe, names: dict[str, Any]) -> Any:
    import torch

    try:
        with torch.device("meta"):
            return eval(recipe.expression, names).train()
    except Exception:
        # Some constructors compute with the values of tensors, which meta tensors have not.
        return eval(recipe.expression, names).to("meta").train()


def _describe(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """Imports the text instead of what the file at a path holds."""
    loader: Any = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: Any, fullname: str) -> types.CodeType | None:
        if Path(self.path) == path:
            code: types.CodeType = compile(text, str(path), "exec", dont_inherit=True)
            return code
        result: types.CodeType | None = original(self, fullname)
        return result

    loader.get_code = get_code
    try:
        yield
    finally:
        del loader.get_code


@contextmanager
def watched(notice: Callable[[Any, int, types.FrameType], None]) -> Iterator[None]:
    """Calls `notice(layer, num_features, frame of the caller)` for each BatchNorm layer that is constructed."""
    from torch.nn.modules.batchnorm import _BatchNorm

    original: Any = _BatchNorm.__init__

    def init(self: Any, num_features: int, *args: Any, **kwargs: Any) -> None:
        frame = sys._getframe(1)
        original(self, num_features, *args, **kwargs)
        notice(self, num_features, frame)

    setattr(_BatchNorm, "__init__", init)  # noqa: B010 - mypy rejects the assignment to a method
    try:
        yield
    finally:
        setattr(_BatchNorm, "__init__", original)  # noqa: B010
