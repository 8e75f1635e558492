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
        assert await client.hover(10, 22) == "tensor of shape `(4, 3, 34, 34)`"
        assert await client.hover(5, 10) is None

    talk(conversation)


def test_hints_show_shapes_and_modes(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(LAYERS)
        expected = [
            (10, 23, ": (4, 3, 34, 34)"),
            (11, 9, ": (4, 8, 32, 32)"),
            (17, 3, ": (4, 8, 32, 32)"),
            (8, 35, " on (4, 8, 32, 32), evaluation"),
        ]
        assert await client.hints() == expected
        assert await client.hints(10) == expected[3:]
        client.change(2, lsp.TextDocumentContentChangeWholeDocument("# A remark\n" + LAYERS))
        await client.found()
        assert await client.hints() == [(line + 1, column, label) for line, column, label in expected]
        client.change(3, lsp.TextDocumentContentChangeWholeDocument(LAYERS.replace("3, 34", "3, 18")))
        await client.found()
        assert (await client.hints())[1] == (11, 9, ": (4, 8, 16, 32)")

    talk(conversation)


MODULES = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x, mask=None):
        return self.bn(self.conv(x)), mask


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.blocks = nn.ModuleList(Block(width, 2 * width) for _ in range(2))
        self.head = nn.Linear(2 * width, 10)
        self.unused = unknown(width)

    def forward(self, x: object):
        x = self.stem(x)
        for block in self.blocks:
            y, _ = block(x)
        return self.head(y.mean((2, 3)))


def train(images):
    net = Net(16)
    net.train()
    net(images)
"""


def at(text: str, code: str, inside: str) -> tuple[int, int]:
    """Where a piece of code is that stands in a longer one."""
    offset = text.index(code) + code.index(inside)
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def test_hovering_shows_what_modules_take_and_give(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MODULES)

        async def shown(code: str, inside: str = "") -> str | None:
            return await client.hover(*at(MODULES, code, inside or code))

        stem = "**Sequential**, called in training mode, BatchNorm inside checked\n\n- `(...) -> (?, 16, ?, ?)`"
        assert await shown("nn.Sequential") == f"{stem}\n\n`stem` of `Net`"
        assert await shown("self.stem = ", "stem") == f"{stem}\n\n`stem` of `Net`"
        assert await shown("x = self.stem(x)", "stem") == stem
        conv = "**Conv2d**, called in training mode\n\n- `(?, 3, ?, ?) -> (?, 16, ?, ?)`\n\n`stem.0` of `Net`"
        assert await shown("nn.Conv2d(3") == conv
        inner = "**Conv2d**, called in training mode\n\n- `(?, 16, ?, ?) -> (?, 32, ?, ?)`"
        assert await shown("self.conv(x)") == inner
        assert await shown("nn.Conv2d(cin") == f"{inner}\n\n`blocks.0.conv` and `blocks.1.conv` of `Net`"
        block = "**Block**, called in training mode, BatchNorm inside checked"
        assert await shown("block(x)") == f"{block}\n\n- `(?, 16, ?, ?) -> (?, 32, ?, ?), (...)`"
        head = "**Linear**, called in training mode\n\n- `(?, 32) -> (?, 10)`"
        assert await shown("self.head(y") == head
        assert await shown("net(images)") == (
            "**Net**, called in training mode, BatchNorm inside checked\n\n- `(...) -> (?, 10)`"
        )
        assert await shown("self.unused") is None
        assert await shown("unknown(width)") is None

    talk(conversation)


def test_modules_without_batchnorm_in_sight_show_no_mode(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        text = "from torch import nn\nimport torch\n\nflat = nn.Flatten()\nother = nn.BatchNorm1d(4)\n"
        text += "mystery = nn.Identity()\nflat(torch.rand(2, 3, 4))\nmystery(open)\n"
        await client.open(text)
        assert await client.hover(3, 8) == "**Flatten**\n\n- `(2, 3, 4) -> (2, 12)`"
        assert await client.hover(5, 12) is None
        assert await client.hover(7, 2) is None

    talk(conversation)


@pytest.mark.parametrize("options", [{"inlay-hints": ["modules"]}, {"bn-lint": {"inlayHints": ["modules"]}}])
def test_settings_say_what_hints_are_about(talk: Callable[..., None], options: dict[str, object]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MODULES)
        assert await client.hints() == [
            (6, 43, " -> (?, 32, ?, ?)"),
            (16, 80, " -> (?, 16, ?, ?)"),
            (17, 59, " -> (?, 32, ?, ?)"),
            (18, 44, " -> (?, 10)"),
            (29, 17, " -> (?, 10)"),
        ]
        client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams({"inlay-hints": []}))
        assert await client.hints() == []

    talk(conversation, options=options)


def test_hints_join_shapes_of_one_rank(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        text = "import torch\nfrom torch import nn\n\nfor size in (1, 2, 3, 4):\n"
        text += "    x = nn.BatchNorm1d(8)(torch.rand(size, 8))\n    y = torch.rand(*(size * [size]))\n"
        await client.open(text)
        assert ": (1|2|3|..., 8)" in [label for _, _, label in await client.hints()]
        assert ": (1) or (2, 2) or ..." in [label for _, _, label in await client.hints()]

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


FACTORIES = """\
import torch
import torch.nn.functional as F
from torch import nn


def norm(width):
    return nn.BatchNorm2d(width)


def conv(cin, cout):
    layer = nn.Conv2d(cin, cout, 3, padding=1)
    return layer


class Net(nn.Module):
    def __init__(self, flag):
        super().__init__()
        self.layer1 = self._make_layer(3, 8)
        self.layer2 = self._make_layer(8, 16)
        self.bn = norm(24)
        self.head = nn.Linear(24, 10)

    def _make_layer(self, cin, cout):
        layers = [conv(cin, cout), norm(cout)]
        return nn.Sequential(*layers)

    def forward(self, image, mask=None):
        a = self.layer1(image)
        b = self.layer2(a)
        x = torch.cat([a, b], 1)
        y = F.relu(x)
        z = self.bn(y + x)
        if mask is not None:
            z = z * mask
        for layer in [self.layer1]:
            layer(image)
        z = F.adaptive_avg_pool2d(z, 1).view(-1, 24)
        return F.dropout(self.head(z))

    def encoder(self):
        return self.layer1


def normalized(x, mean, var):
    if x.dim() == 3:
        x = None
    return F.batch_norm(x, mean, var)


def train(model, images):
    model.train()
    model(images)


net = Net(unknown)
train(net, torch.rand(2, 3, 4, 4))
net.encoder()
normalized(torch.rand(2, 3, 4), torch.zeros(3), torch.ones(3))
normalized(torch.rand(2, 3), torch.zeros(3), torch.ones(3))
"""


def test_hovering_shows_what_factories_give(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(FACTORIES)

        async def shown(code: str, inside: str = "") -> str | None:
            return await client.hover(*at(FACTORIES, code, inside or code))

        first = "**Sequential**, called in training mode, BatchNorm inside checked\n\n- `(2, 3, 4, 4) -> (2, 8, 4, 4)`"
        second = (
            "**Sequential**, called in training mode, BatchNorm inside checked\n\n- `(2, 8, 4, 4) -> (2, 16, 4, 4)`"
        )
        assert await shown("self.layer2 = ", "layer2") == f"{second}\n\n`layer2` of `Net`"
        assert await shown("self._make_layer(8") == f"{second}\n\n`layer2` of `Net`"
        assert await shown("self.layer2(a)", "layer2") == second
        assert await shown("[self.layer1]", "layer1") == f"{first}\n\n`layer1` of `Net`"
        assert await shown("layer in [", "layer") == f"{first}\n\n`layer1` of `Net`"
        norm = (
            "**BatchNorm2d**, checked, called in training mode\n\n- `(2, 24, 4, 4) -> (2, 24, 4, 4)`\n\n`bn` of `Net`"
        )
        assert await shown("self.bn = ", "bn") == norm
        layer = await shown("return layer\n", "layer")
        assert layer is not None
        assert layer.startswith("**Conv2d**, called in training mode\n\n- `(2, 3, 4, 4) -> (2, 8, 4, 4)`\n- ")
        model = "**Net**, called in training mode, BatchNorm inside checked\n\n- `(2, 3, 4, 4) -> (2, 10)`"
        assert await shown("train(net", "net") == model
        assert await shown("train(model", "model") == model
        assert await shown("model.train()") == model

    talk(conversation)


def test_hovering_shows_tensors_and_functions(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(FACTORIES)

        async def shown(code: str, inside: str = "") -> str | None:
            return await client.hover(*at(FACTORIES, code, inside or code))

        assert await shown("[a, b], 1)", "a") == "tensor of shape `(2, 8, 4, 4)`"
        cat = "**cat**\n\n- `(2, 8, 4, 4), (2, 16, 4, 4) -> (2, 24, 4, 4)`"
        assert await shown("torch.cat", "cat") == cat
        assert await shown("F.relu(x)", "relu") == "**relu**\n\n- `(2, 24, 4, 4) -> (2, 24, 4, 4)`"
        assert await shown("F.relu(x)", "x)") == "tensor of shape `(2, 24, 4, 4)`"
        assert await shown("y + x", "+") == "tensor of shape `(2, 24, 4, 4)`"
        assert await shown(".view(-1, 24)", "view") == "**view**\n\n- `(2, 24, 1, 1) -> (2, 24)`"
        pool = "**adaptive_avg_pool2d**\n\n- `(2, 24, 4, 4) -> (2, 24, 1, 1)`"
        assert await shown("F.adaptive", "adaptive") == pool
        assert await shown("F.dropout", "dropout") == "**dropout**\n\n- `(2, 10) -> (2, 10)`"
        assert await shown("torch.rand(2, 3, 4, 4)", "rand") == "tensor of shape `(2, 3, 4, 4)`"
        # What is not known, or is no tensor at times, shows nothing.
        assert await shown("z * mask", "mask") is None
        assert await shown("F.batch_norm(x", "x") == "**batch_norm**\n\n- `(2, 3), (3), (3) -> (2, 3)`"
        assert await shown("model.train()", "train") == await shown("model.train()")

    talk(conversation)


def test_hints_stand_behind_what_factories_give(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(FACTORIES)
        found = await client.hints()

        def label(code: str) -> list[str]:
            line, column = at(FACTORIES, code, code)
            return [text for where, behind, text in found if (where, behind) == (line, column + len(code))]

        assert label("self._make_layer(8, 16)") == [" -> (2, 16, 4, 4)"]
        assert label("norm(24)") == [" on (2, 24, 4, 4), training"]
        assert label("nn.BatchNorm2d(width)") == [" on (2, 8|16|24, 4, 4), training"]
        assert label("net.encoder()") == label("model.train()") == label("[self.layer1") == []
        assert [text for line, _, text in found if line == at(FACTORIES, "torch.cat", "torch")[0]] == [
            ": (2, 24, 4, 4)"
        ]

    talk(conversation, options={"inlay-hints": ["tensors", "batchnorm", "modules"]})
