"""What PyTorch says that each module has."""

from __future__ import annotations

from torch import nn

from bn_lint.static.torch_model.module_methods import MODULE_NAMES


def test_the_names_of_a_module_are_known() -> None:
    """An attribute that is none of these, and that no class sets, is not there."""
    public = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_NAMES
