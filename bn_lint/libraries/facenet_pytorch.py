"""facenet_pytorch: an Inception-ResNet that recognizes faces."""

from __future__ import annotations

from bn_lint.libraries.library import Library, ModelClass

LIBRARY = Library(
    packages=("facenet_pytorch",),
    mentions=(r"facenet_pytorch(?<!\wfacenet_pytorch)\b",),
    names=("InceptionResnetV1",),
    classes={"facenet_pytorch.InceptionResnetV1": ModelClass(takes_weights=True)},
)
