"""What the names of one file mean."""

from __future__ import annotations

import pytest

from bn_lint.static.syntax import nodes
from bn_lint.static.syntax.import_table import ImportTable
from bn_lint.static.syntax.lower import read

CASES = [
    ("import torch.nn as nn", "nn.Conv2d", "torch.nn.Conv2d"),
    ("import torch.nn", "torch.nn.Conv2d", "torch.nn.Conv2d"),
    ("from torch import nn as layers", "layers.ReLU", "torch.nn.ReLU"),
    ("from torch.nn import functional as F, Module", "F.batch_norm", "torch.nn.functional.batch_norm"),
    ("from torch.nn.modules.batchnorm import _BatchNorm", "_BatchNorm", "torch.nn._BatchNorm"),
    ("from torch import nn\nNorm = nn.BatchNorm2d", "Norm", "torch.nn.BatchNorm2d"),
    ("from torch.nn import *", "BatchNorm2d", "torch.nn.BatchNorm2d"),
    ("from .layers import Block", "Block", ".layers.Block"),
    ("from .. import layers", "layers.Block", "..layers.Block"),
    ("def f():\n    import torch.nn as nn", "nn.Linear", "torch.nn.Linear"),
    ("try:\n    from a import Norm\nexcept ImportError:\n    from b import Norm", "Norm", "a.Norm"),
    ("try:\n    import a\nexcept ImportError:\n    a = None", "a.Norm", "a.Norm"),
    ("if x:\n    from a import Norm\nelse:\n    from b import Norm", "Norm", None),
    ("from torch import nn\nnn = 3", "nn.Linear", None),
    ("from torch.nn import *\nclass Module:\n    pass", "Module", None),
    ("from a import Norm\nclass Norm:\n    pass", "Norm", None),
    ("import torch", "f(torch).nn", None),
    ("import torch", "nn.Linear", None),
]


@pytest.mark.parametrize(("code", "expression", "origin"), CASES)
def test_origin_of_a_name(code: str, expression: str, origin: str | None) -> None:
    line = read(expression).body[0]
    assert isinstance(line, nodes.SimpleStatementLine)
    assert isinstance(line.body[0], nodes.Expr)
    assert ImportTable.of(read(code)).qualified(line.body[0].value) == origin


def test_imported_packages() -> None:
    table = ImportTable.of(read("import torch.nn as nn\nfrom pandas import DataFrame\nfrom keras import *"))
    assert table.packages() == {"torch", "pandas", "keras"}
