"""Code that reads the bias of layers without asking whether they have one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import dotted_name
from bn_lint.static.syntax.tree import children
from bn_lint.static.syntax.written import code_of

#: What conditions ask of the classes of torch, or of their names: `isinstance(m, nn.Conv2d)`, `name.find("Conv")`.
_KIND = re.compile(r"Conv|Linear|Norm")


class BiasReads:
    """Where a file initializes or copies biases: `m.bias.data.zero_()`."""

    def __init__(self, module: cst.Module) -> None:
        self._module = module

    @cached_property
    def _conditions(self) -> list[str]:
        """For each read, the conditions that hold there."""
        return list(_reads(self._module, ""))

    def of(self, class_name: str) -> bool:
        """Whether a layer of this class, built without bias, may get to code that reads the bias."""
        kind = "Linear" if "Linear" in class_name else "Conv"
        named = (set(_KIND.findall(condition)) for condition in self._conditions)
        return any(not kinds or kind in kinds for kinds in named)


def _reads(node: cst.CSTNode, condition: str) -> Iterator[str]:
    match node:
        case cst.If(test=test, body=body, orelse=orelse) | cst.IfExp(test=test, body=body, orelse=orelse):
            yield from _reads(body, f"{condition} and {code_of(test)}")
            if orelse is not None:
                yield from _reads(orelse, condition)
        case cst.Attribute(value=owner, attr=cst.Name(value="bias")) if not _own(owner) and "bias" not in condition:
            yield condition
        case cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value="bias"))):
            return
        case _:
            for child in children(node):
                yield from _reads(child, condition)


def _own(owner: cst.BaseExpression) -> bool:
    """Whether `owner.bias` is a parameter of the module itself, or of a layer that is named."""
    name = dotted_name(owner) or ""
    return name.partition(".")[0] == "self"
