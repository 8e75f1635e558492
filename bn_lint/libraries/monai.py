"""MONAI: networks for medical images. Most of them are told their normalization.

Its loaders are left alone: one sample may become several, so a batch has as many as nobody sees.
"""

from __future__ import annotations

from bn_lint.libraries.library import Library, ModelClass

#: Networks that have BatchNorm unless they are told otherwise.
_BATCHNORM = (
    *("DenseNet", "DenseNet121", "DenseNet169", "DenseNet201", "DenseNet264", "EfficientNetBN"),
    *("ResNet", "resnet10", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200"),
)
#: Networks that nobody tells.
_ALWAYS = ("AttentionUnet", "VNet", "SEResNet50", "SEResNet101", "SEResNet152")

LIBRARY = Library(
    packages=("monai",),
    mentions=(r"monai(?<!\wmonai)\b",),
    names=("monai",),
    classes={
        **{f"monai.networks.nets.{name}": ModelClass(normalization=("norm", False)) for name in ("UNet", "Unet")},
        **{f"monai.networks.nets.{name}": ModelClass(normalization=("norm", True)) for name in _BATCHNORM},
        **{f"monai.networks.nets.{name}": ModelClass() for name in _ALWAYS},
    },
)
