"""segmentation_models_pytorch: the encoder of a model decides about its normalization.

The encoder comes with weights, the rest does not: what such a model gives means nothing before a training.
"""

from __future__ import annotations

from bn_lint.libraries.library import Library, ModelClass

_CLASSES = ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus", "PAN", "UPerNet")

LIBRARY = Library(
    packages=("segmentation_models_pytorch",),
    mentions=(r"segmentation_models_pytorch(?<!\wsegmentation_models_pytorch)\b",),
    names=("segmentation_models_pytorch", "smp"),
    classes={
        "segmentation_models_pytorch.create_model": ModelClass(encoder=(1, "encoder_name"), parts=("encoder",)),
        **{
            f"segmentation_models_pytorch.{name}": ModelClass(encoder=(0, "encoder_name"), parts=("encoder",))
            for name in _CLASSES
        },
    },
)
