"""What is asked of files as wholes, which an edit of another file leaves as it is.

The answers are kept from one analysis to the next, by the texts of the files (`turns/by_file.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile
from bn_lint.static.syntax.tree import children, walk


@dataclass(frozen=True)
class Survey:
    """What one file has to do with BatchNorm, by the names in it.

    Attributes:
        names: Those in each statement of the top level, in the order of `top_level`.
        layers: How many calls build BatchNorm, by the names that they call.
    """

    names: list[list[str]]
    layers: int


#: Gives the survey of a file.
Surveyor = Callable[[SourceFile], Survey]


def survey(file: SourceFile) -> Survey:
    """Look at a file."""
    layers = len(batchnorm_calls(file.tree)) if "BatchNorm" in file.source.text else 0
    return Survey([sorted(set(_names(one))) for one in top_level(file.tree)], layers)


def top_level(tree: cst.Module) -> Iterable[cst.CSTNode]:
    """The statements of a file, also those behind conditions."""
    pending: list[cst.CSTNode] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (cst.If, cst.Try, cst.Else, cst.With, cst.IndentedBlock)):
            pending.extend(children(node))
        else:
            yield node


def batchnorm_calls(tree: cst.Module) -> list[cst.Call]:
    """The calls that build BatchNorm, by the names that they call."""
    return [node for node in walk(tree) if type(node) is cst.Call and names_batchnorm(node)]


def names_batchnorm(node: cst.Call) -> bool:
    """Whether a call builds BatchNorm, by the name that it calls."""
    name = node.func.attr.value if type(node.func) is cst.Attribute else getattr(node.func, "value", "")
    return isinstance(name, str) and "batch" in name.lower() and "norm" in name.lower()


def _names(statement: cst.CSTNode) -> Iterable[str]:
    for node in walk(statement):
        if type(node) is cst.Name:
            yield node.value
        elif type(node) is cst.SimpleString and len(node.value) < 60:
            yield node.value[1:-1]
