"""Dictionaries whose entries are attributes, too: what configurations are made of."""

from __future__ import annotations

from bn_lint.libraries.library import Library

LIBRARY = Library(
    packages=("easydict", "munch", "addict", "dotmap", "attrdict"),
    attribute_dictionaries=("easydict.EasyDict", "munch.Munch", "addict.Dict", "dotmap.DotMap", "attrdict.AttrDict"),
)
