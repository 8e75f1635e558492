"""Models that do nothing but apply layers: the rows that they compute with are the samples that they are given."""

from __future__ import annotations

from bn_lint.static.interpreter.values import Class, Function, Instance, LibraryClass
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import ImportTable, dotted_name
from bn_lint.static.syntax.tree import walk

_FUNCTIONS = ("torch", "torch.nn.functional")
#: Functions of torch that make other rows of what they are given.
_OTHER_ROWS = frozenset(
    "cat concat stack gather index_select masked_select repeat_interleave flatten reshape unsqueeze squeeze transpose "
    "permute unfold chunk split unique sort topk matmul mm bmm einsum".split()
)


def applies_layers_only(model: Instance) -> bool:
    """Whether every call in a model's forward is one of its layers, or a function that keeps the rows."""
    cls = model.cls
    if isinstance(cls, LibraryClass):
        children = [child for _, child in model.children()]
        return all(isinstance(child, Instance) and applies_layers_only(child) for child in children)
    forward = cls.lookup("forward")[0] if isinstance(cls, Class) else None
    if not isinstance(forward, Function) or not all(
        isinstance(child, Instance) and applies_layers_only(child) for _, child in model.children()
    ):
        return False
    imports = ImportTable.of(forward.file.tree)
    return all(_keeps_rows(node, model, imports) for node in walk(forward.node.body))


def _keeps_rows(node: cst.CSTNode, model: Instance, imports: ImportTable) -> bool:
    if isinstance(node, cst.Subscript):
        return False
    if not isinstance(node, cst.Call):
        return True
    owner, _, name = (dotted_name(node.func) or "").rpartition(".")
    if owner == "self":
        return isinstance(model.cells.get(name), Instance)
    owner, _, name = (imports.qualified(node.func) or "").rpartition(".")
    return owner in _FUNCTIONS and name not in _OTHER_ROWS
