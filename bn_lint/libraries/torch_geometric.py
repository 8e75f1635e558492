"""PyTorch Geometric: layers for graphs."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(packages=("torch_geometric",), modules=("torch_geometric.nn.MessagePassing",))
