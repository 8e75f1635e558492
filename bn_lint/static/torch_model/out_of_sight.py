"""What is known of code that is handed models and is not visible, and of what programs hand to models."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bn_lint.facts import Purpose
from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.values import Function, Tensor, Value, is_module
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once, called_names, names_called_or_handed_on, switches_or_trains, walk
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.happened import batchnorm_layers

if TYPE_CHECKING:
    from bn_lint.static.interpreter.frames import Frame

#: Functions of libraries that load weights into the models that they are handed.
LOADING = frozenset(name for library in LIBRARIES for name in library.loads_into)
#: Names of functions that are not visible and that give weights to the models that they are handed.
NAMED_LOADING = re.compile(r"(?:^|_)(?:load|restore|resume)(?:_|$)", re.IGNORECASE)
#: What reads a file: of numpy, of torch, and of Python.
_READING = frozenset({"fromfile", "load", "open"})
#: Functions of torch that replace the BatchNorm layers of a model that they are handed.
REPLACING = "torch.func.replace_all_batch_norm_modules_"
#: Foreign code that gets a model and leaves its mode and its layers as they are.
HARMLESS = re.compile(
    "^(?:torch|copy|logging|warnings|json|os|math|numpy|print|len|str|repr|type|id|"
    + "|".join(re.escape(name) for library in LIBRARIES for name in library.leaves_modes)
    + r")(?:\.|$)"
)

#: Words in the names of foreign functions that may switch the mode of a model that they are handed. The others, such
#: as `summary(model)` or `reset_net(model)`, leave it as it is. (A word too many here costs findings, and makes none.)
#: What explains answers is made for trained models: `GradCAM(model)` and `DeepExplainer(model, data)` call eval().
SWITCHING = re.compile(
    r"eval|valid|test|train|fit|tune|learn|predict|infer|run|loop|epoch|score|mode|freeze|bench|cam|explain",
    re.IGNORECASE,
)
#: Names of handlers, such as `on_epoch_end`: they say when one is called, and not that it runs an epoch.
HANDLER = re.compile(r"^_*(?:on_\w+_(?:begin|start|end|finish)|(?:before|after)_\w+)$", re.IGNORECASE)

#: Names of methods that evaluate with what they are given.
_EVALUATES = re.compile(r"(?:test|eval|valid)", re.IGNORECASE)

#: Tools that run a model as it is, and what for.
TOOLS = (
    (re.compile(r"^torch\.(?:jit\.trace(?:_module)?|export\.export)$"), Purpose.EXPORT),
    (re.compile(r"^torch\.(?:ao\.)?quantization\.(?:fuse_modules\.)?fuse_modules$"), Purpose.FUSION),
    (re.compile(r"^torch\.nn\.utils\.(?:fusion\.)?fuse_conv_bn_eval$"), Purpose.FUSION),
    *(
        (re.compile(rf"^{re.escape(name)}$"), Purpose.INSPECTION)
        for library in LIBRARIES
        for name in library.runs_as_is
    ),
)


@asked_once
def reads_weights(node: cst.FunctionDef | cst.Lambda) -> bool:
    """Whether a function reads a file and copies tensors: `layer.weight.data.copy_(torch.from_numpy(numbers))`."""
    called = {inner.func for inner in walk(node) if type(inner) is cst.Call}
    names = {one.attr.value if type(one) is cst.Attribute else getattr(one, "value", "") for one in called}
    return "copy_" in names and not _READING.isdisjoint(names)


def has_known_sizes(value: Value) -> bool:
    """Whether a tensor was made with sizes that are written out, unlike data."""
    return type(value) is Tensor and value.ranked and all(isinstance(axis.size, int) for axis in value.axes)


def is_made_up(node: cst.BaseExpression, scope: cst.CSTNode) -> bool:
    """`torch.zeros(...)`, `torch.randn_like(...)` and similar, and names that stand for nothing else."""
    if isinstance(node, cst.Name):
        values = _assigned(scope).get(node.value, ())
        return bool(values) and all(not isinstance(one, cst.Name) and is_made_up(one, scope) for one in values)
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if any(arg.keyword is not None and arg.keyword.value == "requires_grad" for arg in node.args):
            return False  # its gradient is wanted
        if node.func.attr.value.removesuffix("_like") in ("zeros", "ones", "rand", "randn", "empty", "full"):
            return True
        node = node.func.value
    return False


@asked_once
def _assigned(scope: cst.CSTNode) -> Mapping[str, Sequence[cst.BaseExpression]]:
    """What is assigned to each name in a function or module."""
    found: defaultdict[str, list[cst.BaseExpression]] = defaultdict(list)
    for node in walk(scope):
        match node:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=target))], value=value):
                found[target].append(value)
    return found


def calls_what_trains(node: cst.FunctionDef | cst.Lambda, frame: Frame) -> bool:
    """Whether a function calls one of its module or its scope that trains: what a search for settings is given."""
    for name in called_names(node):
        for cells in (frame.cells, frame.module.cells):
            found = cells.get(name)
            if isinstance(found, Function) and switches_or_trains(found.node):
                return True
    return False


def asks_models(node: cst.CSTNode, frame: Frame) -> bool:
    """Whether a function within a function calls a model of the outer one, or gives it to what it calls."""
    asked = names_called_or_handed_on(node).intersection(frame.cells)
    return any(is_module(value := frame.cells[name]) and batchnorm_layers(value) for name in asked if name != "self")


@asked_once
def given_for_evaluations(tree: cst.CSTNode) -> frozenset[str]:
    """The names that a file gives to what evaluates, by its name: `engine.test(step, loader)`."""
    calls = (node for node in walk(tree) if type(node) is cst.Call and _EVALUATES.match(method_of(node)) is not None)
    return frozenset(arg.value.value for call in calls for arg in call.args if type(arg.value) is cst.Name)


def method_of(node: cst.CSTNode) -> str:
    """The name of the called method; empty for what is no method."""
    return node.func.attr.value if type(node) is cst.Call and type(node.func) is cst.Attribute else ""


def receiver_of(node: cst.CSTNode) -> str:
    """What stands before the name of the called method."""
    if type(node) is cst.Call and type(node.func) is cst.Attribute:
        return code_of(node.func.value)
    return ""
