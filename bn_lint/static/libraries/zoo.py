"""Models of libraries: which constructors give a module with BatchNorm inside, in which mode.

Which libraries and which architectures there are is data: `bn_lint/libraries/`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.libraries.architectures import has_batchnorm, is_module, is_resnet, parts_of
from bn_lint.libraries.library import Library, ModelClass
from bn_lint.project.mentions import names_architecture
from bn_lint.static.interpreter.dispatch import evaluate
from bn_lint.static.interpreter.lattice.copying import clone
from bn_lint.static.interpreter.values import (
    Arguments,
    Builtin,
    External,
    Instance,
    LibraryClass,
    List,
    Partial,
    Slice,
    StaticMethod,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import GIVEN_SAMPLES
from bn_lint.static.torch_model.mode import BUILT, FROZEN, MODE
from bn_lint.static.torch_model.operations.sizes import as_tensor
from bn_lint.static.torch_model.parallel import SYNCED
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

#: The libraries with one function for each architecture, by the module where these are.
_BY_MODULE = {library.functions: library for library in LIBRARIES if library.functions}
_FUNCTION = re.compile(rf"^({'|'.join(map(re.escape, _BY_MODULE))})\.(?:\w+\.)*(\w+)$")
#: Where models are looked up by name: the library, and the position and the name of the argument.
_BY_NAME = {dotted: (library, argument) for library in LIBRARIES for dotted, argument in library.by_name.items()}
_CLASSES = {dotted: (library, cls) for library in LIBRARIES for dotted, cls in library.classes.items()}
_SECOND_NAMES = {second: name for library in LIBRARIES for second, name in library.second_names.items()}
_REPOSITORIES = {name: (library, loads) for library in LIBRARIES for name, loads in library.repositories.items()}
#: The class of a part of a model, and how many layers in a row have BatchNorm among them.
_PART = "part"
_BLOCK = 4
#: How many of the last layers have one, and under which name they are kept.
_END = 3
_LAST = "last"
#: What takes a value last for the case that there is none: of a dictionary, of an object.
_ASKING = ("get", "getattr")
#: Arguments that ask for weights.
_PRETRAINED = ("pretrained", "weights")


def zoo_member(dotted: str) -> Value:
    """The constructor of a model by its dotted name, or None."""
    dotted = _SECOND_NAMES.get(dotted, dotted)
    if dotted in _BY_NAME:
        return Builtin(dotted, partial(_by_name, dotted))
    if dotted == "torch.hub.load":
        return Builtin(dotted, _from_hub)
    if dotted in _CLASSES:
        return _constructor(dotted)
    found = _FUNCTION.match(dotted)
    if found is not None and ".detection." not in dotted and has_batchnorm(found[2]) and not is_module(found[2]):
        library = _BY_MODULE[found[1]]
        return Builtin(found[2], partial(_model, library, found[2], loaded=library.loads_weights))
    return None


def any_model(dotted: str) -> Value:
    """What an unknown name stands for in an external module: if that is a library of models, for any of them."""
    library = _BY_MODULE.get(dotted)
    if library is not None and library.chosen_from:
        return Builtin("any", partial(_chosen, library))
    return Unknown("?", f"an unknown name in `{dotted}`", foreign=True)


def _chosen(library: Library, interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """The model of a name that an option or a checkpoint gives, where the project names one with BatchNorm at all."""
    files = interpreter.project.files.values()
    if any(file is not None and names_architecture(file.source.text) for file in files):
        return _model(library, "any", interpreter, arguments, ref)
    return Unknown("model", "no architecture with BatchNorm is named", foreign=True)


def model_with_batchnorm(
    interpreter: Interpreter, ref: NodeRef, library: Library | None = None, name: str = "any"
) -> Instance:
    """A model with a BatchNorm layer that stands for all, and its parts with one of their own."""
    model = Instance(_class(library, name), ref)
    MODE.put(model, BUILT)
    _fill(model, library, name)
    interpreter.created.append(model)
    return model


def _fill(model: Instance, library: Library | None, name: str) -> None:
    """Give a model, which is being built, its layers and parts."""
    _normalize(model)
    for part in _parts(library, name):
        inner = Instance(_class(library, _PART), model.built)
        MODE.put(inner, BUILT)
        inner.owner, inner.name = model, part
        _normalize(inner)
        model.cells[part] = inner


def _normalize(module: Instance) -> None:
    """Give a module a BatchNorm layer that stands for all of its own."""
    from bn_lint.static.libraries.index import KNOWN

    batchnorm = KNOWN["torch.nn.BatchNorm2d"]
    assert isinstance(batchnorm, LibraryClass)
    layer = Instance(batchnorm, None)
    MODE.put(layer, BUILT)
    FROZEN.put(layer, None)
    SYNCED.put(layer, None)
    layer.cells["track_running_stats"] = True
    layer.owner, layer.name = module, "bn1"
    module.cells["bn1"] = layer


def _parts(library: Library | None, name: str) -> tuple[str, ...]:
    if library is None:
        return ()
    found = next((cls.parts for dotted, cls in library.classes.items() if dotted.rpartition(".")[2] == name), ())
    return found or parts_of(name.rpartition("/")[2])


def _model(
    library: Library,
    name: str,
    interpreter: Interpreter,
    arguments: Arguments,
    ref: NodeRef,
    *,
    loaded: bool = False,
) -> Value:
    """A model of a library; `loaded`: with weights unless they are refused."""
    if not _is_batchnorm(arguments.keywords.get("norm_layer")):
        return Unknown("model", f"`{name}` is given a normalization of its own", foreign=True)
    model = model_with_batchnorm(interpreter, ref, library, name)
    first = loaded if loaded or not arguments.positional else arguments.positional[0]
    given = next((arguments.keywords[key] for key in _PRETRAINED if key in arguments.keywords), first)
    if given not in (None, False) and not isinstance(given, Unknown):
        events_of(interpreter).made_ready(interpreter, model, ref)
    return model


def _by_name(dotted: str, interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    library, argument = _BY_NAME[dotted]
    name, others = arguments.get(*argument), arguments.shifted() if arguments.positional else arguments
    if isinstance(name, Unknown):
        # A program that lets its user choose among all models handles those with BatchNorm, unless it was written for
        # another kind.
        default = _default(interpreter, *argument, ref)
        if not isinstance(default, str) or _names_batchnorm(default):
            return _model(library, "any", interpreter, others, ref)
    if isinstance(name, str) and _names_batchnorm(name):
        return _model(library, name, interpreter, others, ref)
    return Unknown("model", f"`{dotted}` is outside the project", foreign=True)


def _names_batchnorm(name: str) -> bool:
    return has_batchnorm(name.rpartition("/")[2].removeprefix("hf_hub:"))


def _default(interpreter: Interpreter, position: int, keyword: str, ref: NodeRef) -> Value:
    """What an argument is if nobody gives a value.

    As in `create_model(settings.get("name", "vgg16"))`, and in `create_model(name)` with a parameter `name="vgg16"`.
    """
    frame = interpreter.frame
    if frame is None or type(ref.node) is not cst.Call:
        return None
    args = ref.node.args
    named = next((arg.value for arg in args if arg.keyword is not None and arg.keyword.value == keyword), None)
    given = named or next((arg.value for arg in args[position : position + 1] if arg.keyword is None), None)
    if type(given) is cst.Name and frame.function is not None:
        return frame.function.defaults.get(given.value)
    if type(given) is cst.Call and len(given.args) > 1:
        asked = given.func.attr if type(given.func) is cst.Attribute else given.func
        if type(asked) is cst.Name and asked.value in _ASKING:
            return evaluate(interpreter, given.args[-1].value, frame)
    return None


def _from_hub(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    repository, name = arguments.get(0, "repo_or_dir"), arguments.get(1, "model")
    known = _REPOSITORIES.get(repository.partition(":")[0]) if isinstance(repository, str) else None
    if known is not None and isinstance(name, str) and has_batchnorm(name) and "source" not in arguments.keywords:
        library, loaded = known
        return _model(library, name, interpreter, Arguments(keywords=arguments.keywords), ref, loaded=loaded)
    return Unknown("model", "`torch.hub.load` is outside the project", foreign=True)


def _constructor(dotted: str) -> LibraryClass:
    """A class of models, to be called or to be inherited from."""
    found = _constructors.get(dotted)
    if found is None:
        from bn_lint.static.torch_model.operations.layer_table import MODULE

        library, cls = _CLASSES[dotted]
        name = dotted.rpartition(".")[2]
        members = {
            **_class(library, name).methods,
            "__new__": Builtin("__new__", partial(_instantiated, dotted, cls)),
            "__init__": Builtin("__init__", partial(_initialized, dotted, cls)),
        }
        for method, loaded in cls.constructors.items():
            members[method] = StaticMethod(Builtin(name, partial(_built, library, name, loaded)))
        found = _constructors[dotted] = LibraryClass(dotted, (MODULE,), (), members, stands_in=True)
    return found


def _instantiated(dotted: str, cls: ModelClass, interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    library, name = _CLASSES[dotted][0], dotted.rpartition(".")[2]
    if not _takes_batchnorm(cls, arguments):
        return Unknown("model", f"`{dotted}` is outside the project", foreign=True)
    given = arguments if cls.takes_weights else Arguments(keywords=arguments.keywords)
    return _model(library, name, interpreter, given, ref)


def _initialized(dotted: str, cls: ModelClass, interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    """`super().__init__(...)` of a class of the program."""
    given = arguments.shifted()
    if _takes_batchnorm(cls, given) and _is_batchnorm(given.keywords.get("norm_layer")):
        _fill(arguments.receiver, _CLASSES[dotted][0], dotted.rpartition(".")[2])


def _takes_batchnorm(cls: ModelClass, arguments: Arguments) -> bool:
    """Whether what a model is built around has BatchNorm, and the normalization that it is told is one."""
    if cls.normalization is not None and not _told_batchnorm(*cls.normalization, arguments):
        return False
    encoder = arguments.get(*cls.encoder, "resnet34") if cls.encoder is not None else "resnet34"
    return isinstance(encoder, Unknown) or (isinstance(encoder, str) and has_batchnorm(encoder))


def _told_batchnorm(name: str, default: bool, arguments: Arguments) -> bool:
    """Whether an argument such as `"batch"`, `("batch", {"momentum": 0.1})` or `Norm.BATCH` names BatchNorm."""
    if name not in arguments.keywords:
        return default and not arguments.more
    told = arguments.keywords[name]
    if isinstance(told, tuple) and told:
        told = told[0]
    if isinstance(told, External):
        told = told.dotted.rpartition(".")[2]
    return isinstance(told, str) and told.lower() == "batch"


def _built(
    library: Library, name: str, loaded: bool, interpreter: Interpreter, arguments: Arguments, ref: NodeRef
) -> Value:
    return _model(library, name, interpreter, Arguments(), ref, loaded=loaded)


def _is_batchnorm(norm: Value) -> bool:
    """Whether the normalization that a model is given is BatchNorm."""
    from bn_lint.static.torch_model.batchnorm import BATCHNORM_CLASSES

    inner = norm.function if isinstance(norm, Partial) else norm
    if isinstance(inner, LibraryClass):
        return inner.short_name in BATCHNORM_CLASSES
    return inner is None or inner in ("batchnorm", "batchnorm2d")


def _class(library: Library | None, name: str) -> LibraryClass:
    dotted = name if library is None else f"{library.name}.{name}"
    found = _classes.get(dotted)
    if found is None:
        from bn_lint.static.torch_model.operations.layer_table import MODULE

        def forward(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            x = as_tensor(arguments.get(1, "x"))
            GIVEN_SAMPLES.put(arguments.receiver, not x.has_other_rows)
            return Tensor(ranked=False, why=f"what `{name}` gives is not known", batched=x.has_samples)

        ten = library is not None and library.ten_children and is_resnet(name)
        children = Builtin("children", _ten_children if ten else _some_children)
        members: dict[str, Value] = {"forward": Builtin("forward", forward), "children": children}
        if name == _PART:
            members |= {"__iter__": children, "__getitem__": Builtin("__getitem__", _some_layers)}
        found = _classes[dotted] = LibraryClass(dotted, (MODULE,), (), members, stands_in=True)
    return found


#: Of the ten children of a ResNet, those with BatchNorm.
_TEN = {1: "bn1", 4: "layer1", 5: "layer2", 6: "layer3", 7: "layer4"}


def _ten_children(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """The children of a ResNet."""
    cells = arguments.receiver.cells
    return List(
        tuple(
            cells[_TEN[index]] if _TEN.get(index) in cells else Unknown(f"children[{index}]", "a part of a model")
            for index in range(10)
        )
    )


def _some_children(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """The children of a model, of unknown number and position."""
    return List((), (arguments.receiver.cells["bn1"], Unknown("children", "a part of a model")))


def _some_layers(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """A slice of a part, such as `vgg.features[:40]`: as far as BatchNorm is concerned the part itself.

    A BatchNorm layer is among the first two layers of each, in each block of four, and among the last three layers,
    which alone are often trained: these are a part of the part.
    """
    bounds = key.concrete if isinstance(key := arguments.get(1, "idx"), Slice) else None
    if bounds is not None and bounds.step in (None, 1):
        start, stop = bounds.start or 0, bounds.stop
        if (start == 0 and stop not in (0, 1)) or (start > 0 and stop is not None and stop - start >= _BLOCK):
            return arguments.receiver
        if start <= -_END and stop is None:
            return _last_layers(interpreter, arguments.receiver)
    return Unknown("layers", "some layers of a model")


def _last_layers(interpreter: Interpreter, part: Instance) -> Instance:
    """What stands for the last layers of a part; they are as the part is when they are first asked for."""
    last = part.cells.get(_LAST)
    if not isinstance(last, Instance):
        copy = clone(part)
        assert isinstance(copy, Instance)
        last = copy
        last.owner, last.name = part, _LAST
        interpreter.store.set(part, _LAST, last)
    return last


#: By dotted name, for all of the process: classes of libraries are never written to.
_classes: dict[str, LibraryClass] = {}
_constructors: dict[str, LibraryClass] = {}
