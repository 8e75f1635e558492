"""The libraries whose models are mutated, and how their models are built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutation import zoo
from benchmarks.sources import source

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Recipe:
    """A model, as the Python expression that builds it, and the shapes of the inputs it is called with."""

    expression: str
    inputs: tuple[Shape, ...]


@dataclass(frozen=True)
class Library:
    """One release on PyPI.

    Attributes:
        name: On PyPI.
        package: The folder that users import, and that is linted.
        recipes: The models that are run.
        modules: Modules that the recipes use and that importing the package does not import.
        needs: Modules, other than the library's own, that stay the same in all runs and are imported beforehand.
        neighbors: The other releases, among the pinned ones, that it imports.
        by_file: The whole package takes too long to lint for each mutant; see the README.
        research: Plain code of research projects, counted by itself.
    """

    name: str
    version: str
    package: str
    recipes: tuple[Recipe, ...]
    modules: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    neighbors: tuple[tuple[str, str], ...] = ()
    by_file: bool = False
    research: bool = field(default=False, repr=False)

    def folder(self) -> Path:
        """The folder that holds the package; downloads it the first time."""
        return source(self.name, self.version).resolve()

    def import_path(self) -> list[Path]:
        """Where Python has to look for the package and what it needs."""
        return [self.folder(), *(source(*each).resolve() for each in self.neighbors)]


_TORCHVISION = ("torchvision", "0.28.0")
_TIMM = ("timm", "1.0.31")


def libraries() -> tuple[Library, ...]:
    """All of them, in the order of the report."""
    return (
        Library(*_TORCHVISION, "torchvision", tuple(_torchvision()), needs=("numpy", "PIL")),
        Library(*_TIMM, "timm", tuple(_timm()), needs=("torchvision",), neighbors=(_TORCHVISION,), by_file=True),
        Library(
            "pytorchcv",
            "0.0.74",
            "pytorchcv",
            tuple(_pytorchcv()),
            modules=("pytorchcv.model_provider",),
            by_file=True,
            needs=("torchvision",),
            neighbors=(_TORCHVISION,),
        ),
        Library(
            "pretrainedmodels",
            "0.7.4",
            "pretrainedmodels",
            tuple(_pretrainedmodels()),
            needs=("torchvision",),
            neighbors=(_TORCHVISION,),
        ),
        Library(
            "segmentation-models-pytorch",
            "0.6.0",
            "segmentation_models_pytorch",
            tuple(_segmentation_models()),
            needs=("torchvision", "timm"),
            neighbors=(_TORCHVISION, _TIMM),
        ),
        Library("efficientnet-pytorch", "0.7.1", "efficientnet_pytorch", tuple(_efficientnet())),
        *_research(),
    )


def _research() -> Iterator[Library]:
    packages = {
        ("torchreid", "0.2.5"): (_torchreid(), ("torchreid.reid.models",)),
        ("torchsat", "0.0.1"): (_torchsat(), _TORCHSAT),
        ("torchgan", "0.1.0"): (_torchgan(), ("torchgan.models",)),
        ("resnest", "0.0.5"): (_resnest(), ("resnest.torch",)),
        ("medicaltorch", "0.2"): (_medicaltorch(), ("medicaltorch.models",)),
    }
    for (name, version), (recipes, modules) in packages.items():
        yield Library(
            name,
            version,
            name,
            tuple(recipes),
            modules,
            needs=("torchvision",),
            neighbors=(_TORCHVISION,),
            research=True,
        )


_TORCHSAT = (
    "torchsat.models.classification.densenet",
    "torchsat.models.classification.mobilenet",
    "torchsat.models.classification.resnet",
    "torchsat.models.classification.vgg",
    "torchsat.models.segmentation.unet",
)


def _torchreid() -> Iterator[Recipe]:
    for name in zoo.TORCHREID.split():
        size = 299 if name in ("inceptionv4", "inceptionresnetv2", "xception") else 160 if name == "hacnn" else 256
        build = f"torchreid.reid.models.build_model({name!r}, 10, loss='softmax', pretrained=False, use_gpu=False)"
        yield Recipe(build, ((2, 3, size, {160: 64, 256: 128}.get(size, size)),))


def _torchsat() -> Iterator[Recipe]:
    for name in zoo.TORCHSAT.split():
        yield Recipe(f"torchsat.models.{name}(10)", _square(224))


def _torchgan() -> Iterator[Recipe]:
    for name in ("DCGAN", "AutoEncoding"):
        yield Recipe(f"torchgan.models.{name}Generator()", ((2, 100),))
        yield Recipe(f"torchgan.models.{name}Discriminator()", _square(32))


def _resnest() -> Iterator[Recipe]:
    for name in ("resnest50", "resnest50_fast_1s1x64d", "resnest50_fast_4s2x40d"):
        yield Recipe(f"resnest.torch.{name}(pretrained=False)", _square(224))


def _medicaltorch() -> Iterator[Recipe]:
    for name in ("NoPoolASPP", "Unet"):
        yield Recipe(f"medicaltorch.models.{name}()", ((2, 1, 64, 64),))
    yield Recipe("medicaltorch.models.UNet3D(1, 2)", ((2, 1, 32, 32, 32),))


def _square(size: int) -> tuple[Shape, ...]:
    return ((2, 3, size, size),)


def _torchvision() -> Iterator[Recipe]:
    for name in zoo.TORCHVISION.split():
        size = 299 if name.endswith("inception_v3") else 224
        weights = ", weights_backbone=None" if name.startswith("segmentation") else ""
        yield Recipe(f"torchvision.models.{name}(weights=None{weights})", _square(size))
    for name in zoo.TORCHVISION_VIDEO.split():
        size = 224 if name == "s3d" else 112
        yield Recipe(f"torchvision.models.video.{name}(weights=None)", ((2, 3, 16, size, size),))
    for name in ("raft_small", "raft_large"):
        frames = ((2, 3, 128, 128), (2, 3, 128, 128))
        yield Recipe(f"torchvision.models.optical_flow.{name}(weights=None)", frames)
    for name in zoo.TORCHVISION_BACKBONES.split():
        build = f"torchvision.models.detection.{name}(weights=None, weights_backbone=None)"
        yield Recipe(f"{build}.backbone", _square(320))


def _timm() -> Iterator[Recipe]:
    for size, names in zoo.TIMM.items():
        for name in names.split():
            yield Recipe(f"timm.create_model({name!r})", _square(size))


def _pytorchcv() -> Iterator[Recipe]:
    for size, names in zoo.PYTORCHCV.items():
        for name in names.split():
            yield Recipe(f"pytorchcv.model_provider.get_model({name!r})", _square(size))


def _pretrainedmodels() -> Iterator[Recipe]:
    for name in zoo.PRETRAINEDMODELS.split():
        sizes = {"nasnetalarge": 331, "pnasnet5large": 331, "polynet": 331, "bninception": 224}
        size = sizes.get(name, 299 if "ception" in name else 224)
        yield Recipe(f"pretrainedmodels.{name}(pretrained=None)", _square(size))


def _segmentation_models() -> Iterator[Recipe]:
    for name in zoo.SEGMENTATION_ARCHITECTURES.split():
        yield Recipe(f"segmentation_models_pytorch.{name}('resnet18', encoder_weights=None)", _square(256))
    for name in zoo.SEGMENTATION_ENCODERS.split():
        yield Recipe(f"segmentation_models_pytorch.Unet({name!r}, encoder_weights=None)", _square(256))
    for name in ("Unet", "DeepLabV3Plus"):
        # With a second head, for the whole image.
        options = "aux_params={'classes': 5, 'pooling': 'avg'}"
        yield Recipe(f"segmentation_models_pytorch.{name}('resnet34', encoder_weights=None, {options})", _square(256))


def _efficientnet() -> Iterator[Recipe]:
    for name in ("efficientnet-b0", "efficientnet-b2"):
        yield Recipe(f"efficientnet_pytorch.EfficientNet.from_name({name!r})", _square(224))
