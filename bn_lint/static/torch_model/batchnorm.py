"""The BatchNorm layers themselves: built, called, and looked for in vain."""

from __future__ import annotations

from bn_lint.facts import RANKS
from bn_lint.facts.comparison import Comparison, compare
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.lattice.equality import same
from bn_lint.static.interpreter.lattice.join import join
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Axis,
    Builtin,
    Class,
    Ghost,
    Instance,
    LibraryClass,
    Partial,
    Property,
    Provenance,
    Tensor,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.mode import FROZEN
from bn_lint.static.torch_model.operations.sizes import as_tensor, replaced, size_of
from bn_lint.static.torch_model.parallel import CONVERT, SYNCED
from bn_lint.static.torch_model.watchers import collector_of, events_of, given_too_much

_PLAIN = "num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None"
_LAZY = "eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None"

#: The class that all others inherit from, as classes of programs may.
BASE_CLASS = "_BatchNorm"
#: The BatchNorm classes of `torch.nn` and their constructors (torch 2.13).
BATCHNORM_CLASSES = {
    BASE_CLASS: _PLAIN,
    "BatchNorm1d": _PLAIN,
    "BatchNorm2d": _PLAIN,
    "BatchNorm3d": _PLAIN,
    "LazyBatchNorm1d": _LAZY,
    "LazyBatchNorm2d": _LAZY,
    "LazyBatchNorm3d": _LAZY,
    "SyncBatchNorm": _PLAIN.replace("device", "process_group=None, device"),
}
#: `bias` is a keyword-only argument of recent versions.
KEYWORD_ONLY = frozenset({"bias", "process_group"})


#: The cell of a layer that was built for a module because that may be of some class. If it is not, there is no such
#: layer: nothing that arrives in the module's place shows that its replacement does not fit.
_SUPPOSED: Ghost[bool] = Ghost("supposed class")


def variant_of(name: str) -> str:
    """Return `1d`, `2d`, `3d`, `sync` or `other` for the name of a BatchNorm class."""
    if name == BASE_CLASS:
        return "other"
    return "sync" if name.startswith("Sync") else name[-2:]


def variant_of_layer(layer: Instance, cls: LibraryClass) -> str:
    """Return the variant of a layer: `other` if the program has replaced how it checks the dimensions of its input."""
    check = layer.cells.get("_check_input_dim", ABSENT)
    if check is ABSENT:
        check, _ = layer.cls.lookup("_check_input_dim")
    return variant_of(cls.short_name if check is ABSENT else BASE_CLASS)


def batchnorm_class(instance: Instance) -> LibraryClass | None:
    """Return the `torch.nn` BatchNorm class that an object is of, directly or by inheritance."""
    for cls in instance.cls.mro:
        if isinstance(cls, LibraryClass) and cls.short_name in BATCHNORM_CLASSES:
            return cls
    return None


def builds_batchnorm(called: Value) -> bool:
    """Whether calling a value may build a BatchNorm layer directly, without running the program's code."""
    if isinstance(called, Union):
        return any(map(builds_batchnorm, called.values))
    if isinstance(called, Partial):
        return builds_batchnorm(called.function)
    if not isinstance(called, (Class, LibraryClass)):
        return False
    named = [cls for cls in called.mro if isinstance(cls, LibraryClass)]
    return any(cls.short_name in BATCHNORM_CLASSES or is_missing(cls) for cls in named)


def batchnorm_methods(name: str, initialize: Builtin) -> dict[str, Value]:
    """Return the methods of a BatchNorm class."""

    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        initialize.implementation(interpreter, arguments, ref)
        FROZEN.put(arguments.receiver, None)
        SYNCED.put(arguments.receiver, None)
        if interpreter.path.supposed:
            _SUPPOSED.put(arguments.receiver, True)
        collector_of(interpreter).batchnorm_built(interpreter, arguments.receiver, arguments.shifted(), ref)

    def forward(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        layer = arguments.receiver
        if given_too_much(interpreter, arguments, 2):
            return Unknown("?", f"`{layer.cls.name}` raises: it takes one argument")
        return apply(interpreter, layer, as_tensor(arguments.get(1, "input")), ref)

    def statistics(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        layer = arguments.receiver
        return Tensor((Axis(size_of(layer.cells.get("num_features", ABSENT))),), layer=layer)

    def running(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        events_of(interpreter).statistics_read(interpreter, arguments.receiver, ref)
        return statistics(interpreter, arguments, ref)

    def reset(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        interpreter.store.disturb()
        events_of(interpreter).recalibrated.add(id(arguments.positional[0]))

    vector, running_vector = Property(Builtin("weight", statistics)), Property(Builtin("statistics", running))
    return {
        "__init__": Builtin("__init__", init),
        "forward": Builtin("forward", forward),
        "running_mean": running_vector,
        "running_var": running_vector,
        "weight": vector,
        "bias": vector,
        "reset_running_stats": Builtin("reset_running_stats", reset),
        "convert_sync_batchnorm": CONVERT,
    }


def apply(interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef) -> Value:
    """Call a BatchNorm layer: note the call, and return its output."""
    cls = batchnorm_class(layer)
    if x.either and cls is not None:
        x = _accepted(x, RANKS.get(variant_of_layer(layer, cls), ()))
    if _SUPPOSED.of(layer):
        x = as_tensor(Unknown("?", "the layer takes the place of one that is not known"))
    collector_of(interpreter).batchnorm_called(interpreter, layer, x, ref)
    width = size_of(layer.cells.get("num_features", ABSENT))
    origin = Provenance(layer, layer.built or ref)
    variant = "other" if cls is None else variant_of_layer(layer, cls)
    if x.ranked and variant in RANKS and x.rank not in RANKS[variant]:
        # The program ends here. More likely than in all layers behind it, the mistake is in this one or in its input.
        return Tensor(ranked=False, why=f"`{layer.cls.name}` raises: it takes another number of dimensions")
    if x.ranked and len(x.axes) > 1 and compare(x.axes[1].size, width) is Comparison.DIFFERENT:
        return Tensor(ranked=False, why=f"`{layer.cls.name}` raises: it takes another number of channels")
    if x.ranked or cls is None:
        pooled = collector_of(interpreter).pooled(interpreter, layer, x, ref)
        if len(x.axes) > 1 and x.axes[1].size is None:
            x = replaced(x, 1, Axis(width, origin, x.axes[1].features))
        return x if pooled is None else Tensor(x.axes, origin=x.origin, pooled=pooled)
    rank = {"2d": 4, "3d": 5}.get(variant)
    if rank is not None:
        # The layer accepts nothing else, so from here on the shape is known.
        return Tensor((x.first, Axis(width, origin), *(Axis(),) * (rank - 2)), origin=origin)
    if x.axes and same(x.axes[-1].size, width) and variant == "1d":
        return Tensor((x.first, x.axes[-1]), origin=x.origin)
    return x


def _accepted(x: Tensor, ranks: tuple[int, ...]) -> Tensor:
    """Those of the shapes that may arrive that a layer does not reject; one that it does, if it rejects all of them."""
    accepted = [
        one for one in x.either if (one.rank in ranks if one.ranked else len(one.axes) <= max(ranks, default=0))
    ]
    joined = join(accepted or x.either[:1])
    return joined if ranks and isinstance(joined, Tensor) else x


def missing_batchnorm(name: str) -> LibraryClass | None:
    """Return a stand-in for a name that looks like a BatchNorm layer but that `torch.nn` does not have."""
    lowered = name.lower()
    if "batch" not in lowered or "norm" not in lowered or name in BATCHNORM_CLASSES or lowered.startswith("_"):
        return None
    found = _missing.get(name)
    if found is None:

        def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
            collector_of(interpreter).missing_built(interpreter, name, arguments.receiver)

        def forward(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
            x = arguments.get(1, "input", Unknown("input"))
            collector_of(interpreter).missing_called(interpreter, arguments.receiver, as_tensor(x))
            return x

        from bn_lint.static.torch_model.operations.layer_table import MODULE

        methods: dict[str, Value] = {"__init__": Builtin("__init__", init), "forward": Builtin("forward", forward)}
        found = _missing[name] = LibraryClass(f"torch.nn.{name}", (MODULE,), (), methods)
    return found


def is_missing(cls: LibraryClass) -> bool:
    """Whether a class is a stand-in for one that does not exist."""
    return _missing.get(cls.short_name) is cls


#: By name, for all of the process: classes of libraries are never written to.
_missing: dict[str, LibraryClass] = {}
