"""What is shown beside the code: layers, shapes and modes, and the pages of rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import MISTAKES, Client, Talk

pytestmark = pytest.mark.slow
LAYERS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x)
        return torch.relu(self.bn(x))


net = Net()
net.eval()
out = net(torch.randn(4, 3, 34, 34))
"""


def test_hovering_shows_layers_and_tensors(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(LAYERS)
        layer = await client.hover(8, 25)
        assert layer is not None
        assert layer.startswith("**BatchNorm2d**, checked\n")
        assert "- width `8`, input `(4, 8, 32, 32)`, called in evaluation mode: `bn` of `Net`" in layer
        assert await client.hover(8, 13) == layer  # the name that the layer is assigned to
        assert await client.hover(8, 4) is None
        call = await client.hover(12, 28)
        assert call is not None
        assert call.startswith("called on `(4, 8, 32, 32)`\n\n**BatchNorm2d**, checked")
        assert await client.hover(11, 8) == "tensor of shape `(4, 8, 32, 32)`"
        assert await client.hover(17, 1) == "tensor of shape `(4, 8, 32, 32)`"
        assert await client.hover(7, 12) is None

    talk(conversation)


def test_hints_show_shapes_and_modes(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(LAYERS)
        expected = [(11, 9, ": (4, 8, 32, 32)"), (17, 3, ": (4, 8, 32, 32)"), (8, 35, " on (4, 8, 32, 32), evaluation")]
        assert await client.hints() == expected
        assert await client.hints(10) == expected[2:]
        client.change(2, lsp.TextDocumentContentChangeWholeDocument("# A remark\n" + LAYERS))
        await client.found()
        assert await client.hints() == [(line + 1, column, label) for line, column, label in expected]
        client.change(3, lsp.TextDocumentContentChangeWholeDocument(LAYERS.replace("3, 34", "3, 18")))
        await client.found()
        assert (await client.hints())[0] == (11, 9, ": (4, 8, 16, 32)")

    talk(conversation)


def test_hovering_shows_the_page_of_the_rule(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        page = await client.hover(9, 4)
        assert page is not None
        assert page.startswith("# BN102 mode-call-mistake\n")
        assert "## Use instead" in page
        assert await client.hover(0, 0) is None

    talk(conversation)
