"""Builds every model of libraries of models, and compares who has BatchNorm with what bn-lint says of the names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.machine import RESULTS, heading
from benchmarks.mutation.forks import forked
from benchmarks.mutation.libraries import Library
from benchmarks.mutation.run import prepare
from bn_lint.libraries.architectures import has_batchnorm

_TORCHVISION = ("torchvision", "0.28.0")
#: Seconds for all models of one library.
LIMIT = 1800.0
#: Detection models come with frozen BatchNorm, or without, which depends on their arguments.
_LEFT_OUT = ("rcnn", "retinanet", "fcos", "ssd", "quantized_")


@dataclass(frozen=True)
class Zoo:
    """A library of models.

    Attributes:
        names: From its module to the names of its architectures.
        build: From its module and such a name to a model with random weights.
    """

    package: str
    version: str
    module: str
    names: Callable[[Any], Iterable[str]]
    build: Callable[[Any, str], Any]
    needs: tuple[str, ...] = ()
    neighbors: tuple[tuple[str, str], ...] = (_TORCHVISION,)


def _torchvision(module: Any, name: str) -> Any:
    backbone = {"weights_backbone": None} if name.startswith(("fcn", "deeplab", "lraspp")) else {}
    return module.get_model(name, weights=None, **backbone)


def _functions(module: Any) -> list[str]:
    """The lower-case functions of a module, which build a model each."""
    return [name for name in dir(module) if name[0].islower() and type(getattr(module, name)).__name__ == "function"]


ZOOS = (
    Zoo(*_TORCHVISION, "torchvision.models", lambda module: module.list_models(), _torchvision, neighbors=()),
    Zoo("timm", "1.0.31", "timm", lambda module: module.list_models(), lambda module, name: module.create_model(name)),
    Zoo(
        "pretrainedmodels",
        "0.7.4",
        "pretrainedmodels",
        lambda module: module.model_names,
        lambda module, name: getattr(module, name)(num_classes=1000, pretrained=None),
    ),
    Zoo(
        "pytorchcv",
        "0.0.74",
        "pytorchcv.model_provider",
        lambda module: module._models,
        lambda module, name: module.get_model(name),
    ),
    Zoo(
        "resnest",
        "0.0.5",
        "resnest.torch",
        lambda module: [name for name in _functions(module) if name.startswith("resne")],
        lambda module, name: getattr(module, name)(),
    ),
    Zoo(
        "geffnet",
        "1.0.2",
        "geffnet",
        _functions,
        lambda module, name: getattr(module, name)(),
    ),
    Zoo(
        "segmentation-models-pytorch",
        "0.6.0",
        "segmentation_models_pytorch",
        lambda module: module.encoders.get_encoder_names(),
        lambda module, name: module.encoders.get_encoder(name, weights=None),
        neighbors=(_TORCHVISION, ("timm", "1.0.31")),
    ),
)


def main() -> int:
    """Writes the report; returns 1 where a name is taken for that of a model with BatchNorm, and is not."""
    lines = []
    wrong = 0
    for zoo, found in zip(ZOOS, forked([partial(_judge, zoo) for zoo in ZOOS], jobs=1, limit=LIMIT)):
        if found is None:
            lines.append(f"| {zoo.package} {zoo.version} | - | - | - | could not be imported |")
            wrong += 1
            continue
        lines.append(_row(zoo, found))
        wrong += any(found.get(name) is False for name in _known(found))
    table = "\n".join(
        (
            "| Library | Models built | With BatchNorm | Of these known | Known, but without BatchNorm |",
            "|---|--:|--:|--:|---|",
            *lines,
        )
    )
    about = (
        "Models are built on the meta device. *Known* are those of which bn-lint says, by library and "
        "architecture, that they have BatchNorm; others are unknown. Detectors and quantized models are not tried."
    )
    RESULTS.mkdir(exist_ok=True)
    text = f"# Models of other libraries\n\n{heading('benchmarks.zoo')}\n\n{about}\n\n{table}\n"
    (RESULTS / "zoo.md").write_text(text, encoding="utf-8")
    print(table)  # noqa: T201
    return 1 if wrong else 0


def _row(zoo: Zoo, found: Mapping[str, bool]) -> str:
    having, known = [name for name, has in found.items() if has], _known(found)
    wrong = ", ".join(name for name in known if not found[name]) or "none"
    share = f"{sum(name in known for name in having)} ({sum(name in known for name in having) / len(having):.0%})"
    return f"| {zoo.package} {zoo.version} | {len(found)} | {len(having)} | {share} | {wrong} |"


def _known(found: Iterable[str]) -> list[str]:
    return [name for name in found if has_batchnorm(name)]


def _judge(zoo: Zoo) -> dict[str, bool]:
    """Whether each model that can be built has a layer with running statistics."""
    prepare(Library(zoo.package, zoo.version, zoo.module, (), needs=zoo.needs, neighbors=zoo.neighbors))
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    module = importlib.import_module(zoo.module)
    found = {}
    for name in zoo.names(module):
        if any(part in name for part in _LEFT_OUT):
            continue
        try:
            with torch.device("meta"):
                layers = list(zoo.build(module, name).modules())
        except Exception:
            # It needs a package, or weights, or arguments: nothing can be said of it.
            continue
        found[name] = any(isinstance(one, _BatchNorm) and one.track_running_stats for one in layers)
    return found


if __name__ == "__main__":
    sys.exit(main())
