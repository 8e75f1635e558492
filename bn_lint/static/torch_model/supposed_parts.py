"""Parts of visible models that are made out of view: `self.backbone = registry[settings["backbone"]]()`.

A model whose known parts have no BatchNorm may have it all the same, in the part that gets its input: that is where a
network is, and no activation, head or loss. In its place stands a symbolic model (see `symbolic_models.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from bn_lint.static.interpreter.values import REST, Function, Ghost, Instance, Unknown, alternatives
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.flow import dotted, names_in
from bn_lint.static.syntax.tree import asked_once, walk
from bn_lint.static.torch_model.containers import CONTAINER_METHODS
from bn_lint.static.torch_model.happened import batchnorm_layers
from bn_lint.static.torch_model.mode import MODE

#: Whether a module was looked at.
_SEEN: Ghost[bool] = Ghost("supposed parts", decides=False)


def possible_layers(model: Instance) -> list[Instance]:
    """The BatchNorm layers of a model; where it has none, those that are supposed in what is not known of it."""
    return batchnorm_layers(model) or (batchnorm_layers(model) if _suppose_parts(model) else [])


def may_hide_layers(module: Instance) -> bool:
    """Whether a module holds something that code outside the project made."""
    return any(isinstance(value, Unknown) and value.foreign for value in module.cells.values())


def _suppose_parts(model: Instance) -> bool:
    """Put symbolic models in the place of the unknown parts of a model that get its input; tell whether any is."""
    from bn_lint.static.torch_model.symbolic_models import as_model

    if _SEEN.of(model):
        return False
    _SEEN.put(model, True)
    found = False
    for part in _first_parts(model):
        if isinstance(part, Instance):
            found |= part.is_module and _suppose_parts(part)
            continue
        is_new = part.stand_in is None
        own = as_model(part)
        if isinstance(own, Instance):
            if is_new and (mode := MODE.of(model)) is not None:
                for one in own.possible_descendants():
                    MODE.put(one, mode)
            REST.put(model, (*(REST.of(model) or ()), own))
            found = True
    return found


def _first_parts(model: Instance) -> Iterator[Instance | Unknown]:
    """The parts that get the input of a model, those that are known and others."""
    forward = model.cls.lookup("forward")[0]
    if isinstance(forward, Function) and isinstance(forward.node, cst.FunctionDef):
        names = _applied_to_inputs(forward.node)
    elif any(forward is methods["forward"] for methods in CONTAINER_METHODS.values() if "forward" in methods):
        # Of `Sequential`, the first; `DataParallel` has no other.
        names = tuple(name for name in model.cells if isinstance(name, str))[:1]
    else:
        names = ()  # what a layer of torch was given are numbers
    for name in names:
        for part in alternatives(model.cells.get(name)):
            if isinstance(part, Instance) or type(part) is Unknown:
                yield part


@asked_once
def _applied_to_inputs(forward: cst.FunctionDef) -> tuple[str, ...]:
    """The parts that a `forward` calls before any other part has made something of what they get, in order."""
    found: dict[str, None] = {}
    computed: set[str] = set()
    statements = [node for node in walk(forward.body) if type(node) is cst.SimpleStatementLine]
    for statement in reversed(statements):  # `walk` begins with the last
        calls = {node: name for node in walk(statement) if type(node) is cst.Call and (name := _part_called(node))}
        for call, name in calls.items():
            given = [node for argument in call.args for node in walk(argument)]
            if given and not any(node in calls or _is_one_of(computed, node) for node in given):
                found[name] = None
        if calls or any(_is_one_of(computed, node) for node in walk(statement)):
            for node in walk(statement):
                if type(node) is cst.AssignTarget:
                    computed.update(names_in(node.target))
    return tuple(found)


def _part_called(call: cst.Call) -> str:
    """The name of the part in `self.part(x)` and `self.part.forward(x)`; empty for other calls."""
    owner, _, name = dotted(call.func).removesuffix(".forward").partition(".")
    return name if owner == "self" and "." not in name else ""


def _is_one_of(names: set[str], node: cst.CSTNode) -> bool:
    return type(node) is cst.Name and node.value in names
