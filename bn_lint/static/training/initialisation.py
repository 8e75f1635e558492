"""Recognising code that only fills weights, which no shape and no mode depends on.

Models initialise hundreds of layers in loops over `modules()`; evaluating that would be most of the work.
"""

from __future__ import annotations

import re

import libcst as cst

from bn_lint.static.syntax.tree import asked_once, walk

_NAME = re.compile(r"(?:init|reset)\w*(?:weight|parameters)|(?:weight|parameters)\w*init", re.IGNORECASE)
_LOOPED = frozenset({"modules", "named_modules", "parameters", "named_parameters", "children", "named_children"})
_HARMLESS = frozenset(
    "isinstance hasattr getattr len float int max min sqrt size numel any all print startswith endswith no_grad dim "
    "log zeros ones type calculate_gain _calculate_fan_in_and_fan_out split lower".split()
)


@asked_once
def only_initialises(node: cst.FunctionDef) -> bool:
    """Whether a function is named as one that initialises weights, and returns nothing."""
    if _NAME.search(node.name.value) is None:
        return False
    return not any(type(n) is cst.Return and n.value is not None for n in walk(node.body))


@asked_once
def is_initialisation_loop(node: cst.For) -> bool:
    """Whether a loop over modules or parameters does nothing but call in-place and `init` functions."""
    source = node.iter
    if type(source) is not cst.Call or type(source.func) is not cst.Attribute or source.func.attr.value not in _LOOPED:
        return False
    return all(_is_harmless(inner) for inner in walk(node.body)) and not _fills_others(node)


def _fills_others(loop: cst.For) -> bool:
    """Whether a loop looks things up by its variable, as moving averages do: `average[name].mul_(...)`."""
    own = {node.value for node in walk(loop.target) if type(node) is cst.Name}
    for node in walk(loop.body):
        if type(node) is not cst.Subscript or type(node.value) is not cst.Name or node.value.value in own:
            continue
        if any(type(one) is cst.Name and one.value in own for index in node.slice for one in walk(index)):
            return True
    return False


def _is_harmless(node: cst.CSTNode) -> bool:
    if type(node) is cst.Call:
        name = node.func.attr.value if type(node.func) is cst.Attribute else getattr(node.func, "value", None)
        if not isinstance(name, str):
            return False
        in_place = name.endswith("_") and not name.startswith("__")
        return in_place or name in _HARMLESS or "init" in name or _is_of_init_module(node)
    if isinstance(node, (cst.AssignTarget, cst.AugAssign)):
        target = node.target
        if type(target) is cst.Attribute:
            return target.attr.value == "data"
        return type(target) in (cst.Name, cst.Tuple, cst.Subscript)
    leaving = (cst.Return, cst.Yield, cst.Del, cst.Global, cst.Nonlocal, cst.FunctionDef, cst.ClassDef)
    return not isinstance(node, leaving)


def _is_of_init_module(node: cst.Call) -> bool:
    """`nn.init.constant(...)`, `init.xavier_normal(...)`."""
    owner = node.func.value if type(node.func) is cst.Attribute else None
    if type(owner) is cst.Attribute:
        owner = owner.attr
    return type(owner) is cst.Name and owner.value == "init"
