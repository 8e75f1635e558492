"""Small models and training loops that the tests of the tracer share."""

from __future__ import annotations

import torch
from torch import nn


def small() -> nn.Sequential:
    """A network for images of 8x8 with one BatchNorm layer, named `1`."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))


def batch(size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Random images and labels for `small`."""
    return torch.randn(size, 3, 8, 8), torch.randint(10, (size,))


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3, size: int = 16) -> None:
    """A correct training loop, without switching any mode."""
    for _ in range(steps):
        images, labels = batch(size)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.01)
