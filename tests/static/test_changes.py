"""What an edit of a file has changed, and the names of nodes that it leaves alone."""

from __future__ import annotations

import pytest

from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.tree import walk
from bn_lint.static.turns.changes import changes
from bn_lint.static.turns.outline import Outline

TEXT = """
import torch

WIDTH = 8


class Net(torch.nn.Module):
    scale = 1

    def __init__(self, width=WIDTH):
        self.bn = norm(width)

    def forward(self, x):
        def inner(y):
            return y

        return inner(self.bn(x))


def norm(width):
    return torch.nn.BatchNorm2d(width)


if WIDTH:
    def other():
        return 1
else:
    def other():
        return 2
"""


def outline(text: str) -> Outline:
    return Outline(read(text))


def test_definitions_have_names() -> None:
    names = set(outline(TEXT).definitions)
    assert names == {
        "",
        "Net",
        "Net.__init__",
        "Net.forward",
        "Net.forward.inner",
        "norm",
        "other",
        "other#2",
    }


def test_each_node_has_one_address() -> None:
    tree = read(TEXT)
    found = Outline(tree)
    nodes = [node for node in walk(tree) if type(node).__name__ in ("Call", "FunctionDef", "ClassDef", "Return")]
    addresses = [found.address(node) for node in nodes]
    assert len(set(addresses)) == len(nodes) > 10
    assert [found.node(*address) for address in addresses] == nodes


@pytest.mark.parametrize(
    ("old", "new", "own", "within", "is_top_changed"),
    [
        ("# nothing", "# nothing", set(), set(), False),
        ("norm(width)\n\n", "norm( width )\n\n", set(), set(), False),
        ("BatchNorm2d(width)", "BatchNorm2d(1)", {"norm"}, {"", "norm"}, False),
        ("return y", "return 2", {"Net.forward.inner"}, {"", "Net", "Net.forward", "Net.forward.inner"}, False),
        ("inner(self.bn(x))", "self.bn(x)", {"Net.forward"}, {"", "Net", "Net.forward"}, False),
        ("def forward(self, x)", "def forward(self, x, z=1)", {"Net.forward"}, {"", "Net", "Net.forward"}, True),
        ("scale = 1", "scale = 2", {"Net"}, {"", "Net"}, True),
        ("WIDTH = 8", "WIDTH = 9", {""}, {""}, True),
        ("def norm", "def renamed", {"", "norm", "renamed"}, {"", "norm", "renamed"}, True),
        ("torch.nn.Module", "torch.nn.Sequential", {"Net"}, {"", "Net"}, True),
        ("return 2\n", "return 3\n", {"other#2"}, {"", "other#2"}, False),
    ],
)
def test_what_an_edit_changes(old: str, new: str, own: set[str], within: set[str], is_top_changed: bool) -> None:
    found = changes(outline(TEXT + "# nothing"), outline((TEXT + "# nothing").replace(old, new)))
    assert set(found.own) == own
    assert set(found.within) == within
    assert found.is_top_changed is is_top_changed


def test_calls_in_what_has_changed_have_names() -> None:
    found = changes(outline(TEXT), outline(TEXT.replace("return torch.nn.BatchNorm2d(width)", "return later(width)")))
    assert found.called == {"BatchNorm2d", "later"}
