"""Models that are made out of view, known by what the program does with them: it trains, switches and calls them.

Whatever is asked to `train()`, `eval()`, or for its `parameters()`, and is not the object of a library, is a model. The
value stays unknown; behind it stands a module with one BatchNorm layer, in an unknown mode, to which these calls are
passed on. Whether the model has BatchNorm is another question (see `training/symbolic_models.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from bn_lint.project.mentions import switched_names
from bn_lint.static.interpreter.values import ABSENT, Arguments, Builtin, Ghost, Instance, LibraryClass, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.tree import asked_once
from bn_lint.static.torch_model.mode import ARRIVED, FROZEN, MODE, forget
from bn_lint.static.torch_model.parallel import SYNCED
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.places import NodeRef

#: What models are asked, of the methods of `nn.Module`. The results of others are not followed, or are theirs alone.
_ASKED = frozenset(
    "train eval parameters named_parameters modules named_modules apply requires_grad_ load_state_dict".split()
)
#: Methods of modules that give back the module.
_MOVED = frozenset("to cuda cpu float double half bfloat16".split())
#: Code outside the project that gives what the program has stored, or what its configuration names.
_OWN = frozenset(
    "torch.load torch.jit.load joblib.load pickle.load pickle.loads dill.load cloudpickle.load imp.load_source "
    "importlib.util.module_from_spec hydra.utils.instantiate hydra.utils.call".split()
)

#: The cell of a BatchNorm layer that stands for those of a model out of view.
_SUPPOSED: Ghost[bool] = Ghost("supposed")


def is_symbolic(model: Instance) -> bool:
    """Whether nobody has seen the BatchNorm layers of a model, or some of them."""
    return are_supposed(model.possible_descendants())


def are_supposed(layers: Iterable[Instance]) -> bool:
    """Whether some of the layers of a model stand for BatchNorm layers that nobody has seen."""
    return any(_SUPPOSED.of(layer) is True for layer in layers)


def uses_models(interpreter: Interpreter) -> bool:
    """Whether the entry point has called models with BatchNorm."""
    return any(not are_supposed(one.layers) for one in events_of(interpreter).calls)


def as_model(value: Value) -> Value:
    """Return the module behind an unknown value that can only be one; anything else as it is."""
    return _promoted(value) if isinstance(value, Unknown) and _may_be_model(value) else value


def called(interpreter: Interpreter, function: Unknown, arguments: Arguments, ref: NodeRef) -> Value:
    """Call a method of an unknown value that models have; note the call of one that is a model. ABSENT: go on."""
    events = events_of(interpreter)
    if events.depth or interpreter.frame is None or not _may_be_model(function):
        return ABSENT
    model = function
    if function.attribute_of is not None:
        owner, name = function.attribute_of
        if name in _MOVED:
            return owner
        if name in _ASKED:
            return _asked(interpreter, owner, name, arguments, ref)
        if name in ("forward", "__call__"):
            model = owner
    model = _unwrapped(model)
    if model.stand_in is not None or _is_switched(interpreter, ref.node):
        events.called(interpreter, _promoted(model), arguments, ref, interpreter.frame)
    return ABSENT


def handed_over(dotted: str) -> Value:
    """What code outside the project gives that is the program's own; otherwise ABSENT."""
    return Unknown("?", f"`{dotted}` is outside the project") if dotted in _OWN else ABSENT


def forget_symbolic_models(interpreter: Interpreter) -> None:
    """Code that was not run may have switched any of them."""
    switched = {id(switch.model): switch.model for switch in events_of(interpreter).switches}  # again in each loop
    for model in switched.values():
        if is_symbolic(model):
            forget(interpreter, model)


def _may_be_model(value: Unknown) -> bool:
    return type(value) is Unknown and not value.foreign


def _asked(interpreter: Interpreter, owner: Unknown, name: str, arguments: Arguments, ref: NodeRef) -> Value:
    from bn_lint.static.torch_model.module_methods import MODULE_METHODS

    model, method = _promoted(owner), MODULE_METHODS[name]
    assert isinstance(method, Builtin)
    result = method.implementation(interpreter, arguments.prefixed(model), ref)
    return owner if result is model else result


def _unwrapped(value: Unknown) -> Unknown:
    """The model itself for `model.module`: it is what `DataParallel` has of it."""
    while value.attribute_of is not None and value.attribute_of[1] == "module":
        value = value.attribute_of[0]
    return value


def _promoted(value: Unknown) -> Instance:
    """The module behind an unknown value, made when it is first needed."""
    value = _unwrapped(value)
    if value.stand_in is None:
        from bn_lint.static.torch_model.operations.layer_table import LAYERS, MODULE

        model = Instance(_classes.setdefault("model", LibraryClass("model", (MODULE,))), None)
        layer = Instance(LAYERS["torch.nn.BatchNorm2d"], None)
        layer.cells["track_running_stats"] = True
        layer.owner, layer.name = model, "batchnorm"
        model.cells["batchnorm"] = layer
        FROZEN.put(layer, None)
        SYNCED.put(layer, None)
        _SUPPOSED.put(layer, True)
        for one in (model, layer):
            MODE.put(one, ARRIVED)
        value.stand_in = model
        _attach(value, model)
    return value.stand_in


def _attach(value: Unknown, model: Instance) -> None:
    """Make a model a part of the one that it was read from, and what was read from it parts of it."""
    whole = value.attribute_of
    while whole is not None and whole[0].stand_in is None:
        whole = whole[0].attribute_of
    if whole is not None and whole[0].stand_in is not None:
        _add_part(whole[0].stand_in, value.name, model)
    pending = list(value.attributes())
    while pending:
        part = pending.pop()
        if part.stand_in is not None:
            _add_part(model, part.name, part.stand_in)
        else:
            pending.extend(part.attributes())


def _add_part(whole: Instance, name: str, part: Instance) -> None:
    if any(part is one for one in whole.cells.values()):
        return
    if name in whole.cells:
        name = f"{name} ({len(whole.cells)})"
    whole.cells[name] = part
    part.owner, part.name = whole, name


def _is_switched(interpreter: Interpreter, node: cst.CSTNode) -> bool:
    """Whether the program switches something that is called like this: only then it is worth a look."""
    called = node.func if isinstance(node, cst.Call) else node
    name = called.attr if isinstance(called, cst.Attribute) else called
    if not isinstance(name, cst.Name):
        return False
    return name.value in _switched_names(interpreter)


def _switched_names(interpreter: Interpreter) -> set[str]:
    """The names of what the project switches, as far as it was read."""
    files, events = interpreter.project.files, events_of(interpreter)
    if events.files_searched < len(files):
        # Files are added while a program runs, behind the others, and stay.
        for file in islice(files.values(), events.files_searched, None):
            events.switched_names |= _switched_in(file.source.text) if file is not None else frozenset()
        events.files_searched = len(files)
    return events.switched_names


_switched_in = asked_once(switched_names)


_classes: dict[str, LibraryClass] = {}
