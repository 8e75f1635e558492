"""torchvision: models, images and data sets."""

from __future__ import annotations

from bn_lint.libraries.library import Library, ModelClass

_RESNET = ModelClass(parts=("layer1", "layer2", "layer3", "layer4"))

LIBRARY = Library(
    packages=("torchvision",),
    mentions=(r"torchvision(?<!\wtorchvision)(?:\.models|\s+import\b)",),
    names=("torchvision", "models", "get_model"),
    functions="torchvision.models",
    by_name={"torchvision.models.get_model": (0, "name")},
    classes={
        "torchvision.models.ResNet": _RESNET,
        "torchvision.models.resnet.ResNet": _RESNET,
        "torchvision.models.DenseNet": ModelClass(parts=("features",)),
    },
    chosen_from=True,
    takes_one=True,
    repositories={"pytorch/vision": False},
    ten_children=True,
    plain_modules=("torchvision.models.",),
    transforms=("torchvision.transforms", "torchvision.transforms.v2"),
    other_transforms=(
        "FiveCrop",
        "TenCrop",
        "Lambda",
        "ToTensor",
        "PILToTensor",
        "ToPILImage",
        "ToImage",
        "CutMix",
        "MixUp",
    ),
    sequences=("Compose", "RandomOrder", "RandomApply", "RandomChoice"),
    datasets={
        "torchvision.datasets.MNIST": (60_000, 10_000),
        "torchvision.datasets.FashionMNIST": (60_000, 10_000),
        "torchvision.datasets.KMNIST": (60_000, 10_000),
        "torchvision.datasets.CIFAR10": (50_000, 10_000),
        "torchvision.datasets.CIFAR100": (50_000, 10_000),
        "torchvision.datasets.SVHN": (73_257, 26_032),
        "torchvision.datasets.STL10": (5_000, 8_000),
        "torchvision.datasets.USPS": (7_291, 2_007),
    },
    counted_datasets={"torchvision.datasets.FakeData": ("size", 1_000)},
)
