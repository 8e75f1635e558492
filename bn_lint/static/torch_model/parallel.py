"""Models on several devices: `DataParallel`, `DistributedDataParallel`, and the conversion to SyncBatchNorm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Purpose, Shows, SyncConversion, UnsynchronizedBatchNorm
from bn_lint.libraries import LIBRARIES
from bn_lint.project.mentions import several_processes
from bn_lint.static.interpreter.values import Arguments, Builtin, Ghost, Instance, LibraryClass, List, Unknown, Value
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.tree import ways_to
from bn_lint.static.syntax.written import code_of
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.watchers import collector_of, events_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.source_files import SourceFile
    from bn_lint.static.torch_model.events import EventLog

#: The cell of a BatchNorm layer that says where it became a SyncBatchNorm.
SYNCED: Ghost[NodeRef | None] = Ghost("synced", decides=False)
#: The cell of a `DataParallel` with the number of its devices; None when that is not known.
_DEVICES: Ghost[int | None] = Ghost("devices")


def data_parallel(wrapper: LibraryClass) -> LibraryClass:
    """`DataParallel`: each replica is its own thread, and nothing is synchronized."""

    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        _wrap(interpreter, arguments)
        module, devices = arguments.get(1, "module"), arguments.get(2, "device_ids")
        # Under a condition that nobody decides (`device_count() > 1`) the program runs on one device as well.
        sure = interpreter.path.uncertain <= events_of(interpreter).open_loops
        _DEVICES.put(arguments.receiver, _count(devices) if sure else None)
        _, synced = next(_synchronized(module), (None, None))
        if synced is not None and isinstance(ref.node, cst.Call):
            fact = UnsynchronizedBatchNorm(_first(ref), ref.place, synced, in_data_parallel=True)
            events_of(interpreter).in_data_parallel.append((list(_layers(module)), fact))

    return LibraryClass(wrapper.name, (wrapper,), (), {"__init__": Builtin("__init__", init)}, wraps="module")


def distributed(wrapper: LibraryClass) -> LibraryClass:
    """`DistributedDataParallel`: it takes note of the parameters of the model that it is given."""

    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        _wrap(interpreter, arguments)
        for module in (arguments.positional[0], arguments.get(1, "module")):
            if isinstance(module, Instance):
                events_of(interpreter).distributed[id(module)] = ref

    methods: dict[str, Value] = {"__init__": Builtin("__init__", init)}
    return LibraryClass("torch.nn.parallel.DistributedDataParallel", (wrapper,), (), methods, wraps="module")


def _count(devices: Value) -> int | None:
    """How many there are in a list of devices; None where that is not known."""
    return (len(devices.items) or None) if isinstance(devices, List) and not devices.rest else None


def devices_of(model: Instance) -> int:
    """On how many devices a batch is spread; 1 where that is not known."""
    devices = _DEVICES.of(model)
    return devices if isinstance(devices, int) else 1


def _wrap(interpreter: Interpreter, arguments: Arguments) -> None:
    from bn_lint.static.interpreter.assign import register
    from bn_lint.static.torch_model.symbolic_models import as_model

    wrapped = as_model(arguments.get(1, "module", Unknown("module")))
    register(interpreter, arguments.receiver, "module", wrapped)


def _convert(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """`SyncBatchNorm.convert_sync_batchnorm`: other layers with the same parameters."""
    module = arguments.positional[-1] if arguments.positional else arguments.keywords.get("module")
    _converted(interpreter, module, ref)
    before = events_of(interpreter).distributed.get(id(module))
    if before is not None:
        _note_late(interpreter, ref, _wrapped_at(before), copies=False)
    return module


def _convert_with_copies(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    """Apex's `convert_syncbn_model`: other layers with parameters of their own."""
    module = arguments.get(0, "module")
    if isinstance(module, Instance) and next(_layers(module), None) is not None:
        events = events_of(interpreter)
        before = events.distributed.get(id(module))
        held = next((where for one, where in events.optimized if events.is_part_of(module, one)), None)
        if before is not None:
            _note_late(interpreter, ref, _wrapped_at(before), copies=True)
        elif held is not None:
            step = Evidence("the optimizer is given its parameters here", held.place)
            _note_late(interpreter, ref, step, by_optimizer=True, copies=True)
    _converted(interpreter, module, ref)
    return module


def _wrapped_at(ref: NodeRef) -> Evidence:
    return Evidence("`DistributedDataParallel` wraps it here", ref.place)


def _note_late(
    interpreter: Interpreter, ref: NodeRef, before: Evidence, *, by_optimizer: bool = False, copies: bool
) -> None:
    if isinstance(ref.node, cst.Call):
        fact = SyncConversion(_first(ref), ref.place, before, by_optimizer, copies)
        collector_of(interpreter).programmed([fact])


def _converted(interpreter: Interpreter, module: Value, ref: NodeRef) -> None:
    for layer in _layers(module):
        interpreter.store.note(layer, SYNCED, ref)
        collector_of(interpreter).synchronized(layer)


def _layers(module: Value) -> Iterator[Instance]:
    from bn_lint.static.torch_model.batchnorm import batchnorm_class
    from bn_lint.static.torch_model.module_methods import descendants

    if isinstance(module, Instance) and module.is_module:
        yield from (layer for _, layer in descendants(module) if batchnorm_class(layer) is not None)


def _synchronized(module: Value) -> Iterator[tuple[NodeRef, Evidence]]:
    """Where layers of a module became SyncBatchNorm, or were built as such."""
    from bn_lint.static.torch_model.batchnorm import batchnorm_class

    for layer in _layers(module):
        where = SYNCED.of(layer)
        cls = batchnorm_class(layer)
        if isinstance(where, NodeRef):
            yield where, Evidence("the layers become SyncBatchNorm here", where.place)
        elif cls is not None and cls.short_name == "SyncBatchNorm" and layer.built is not None:
            yield layer.built, Evidence("a SyncBatchNorm is built here", layer.built.place, Shows.CONSTRUCTION)


def unsynchronized(events: EventLog, files: Iterable[SourceFile]) -> Iterator[UnsynchronizedBatchNorm]:
    """What an entry point does with SyncBatchNorm that is not synchronized, once it is over.

    That is, models in `DataParallel`, and trainings in programs that show nothing of a second process.
    """
    told: set[int] = set()
    for layers, fact in events.in_data_parallel:
        if not _only_evaluate(layers, events):
            told.update(map(id, layers))
            yield fact
    for call in events.calls:
        if call.purpose is not Purpose.TRAINING or id(call.model) in events.distributed:
            continue
        if any(id(layer) in told for layer in call.layers):
            continue
        ref, synced = next(_synchronized(call.model), (None, None))
        if ref is not None and synced is not None:
            if not _is_optional(ref) and not any(several_processes(file.source.text) for file in files):
                model = code_of(call.ref.node.func) if isinstance(call.ref.node, cst.Call) else ""
                step = Evidence(f"`{model}` is trained here", call.ref.place)
                yield UnsynchronizedBatchNorm(model, synced.place, step, in_data_parallel=False)
            return


def _only_evaluate(layers: list[Instance], events: EventLog) -> bool:
    """Whether layers are in evaluation mode in the end, and whenever their model was called: then none needs others."""
    ours = set(map(id, layers))
    used = [modes for call in events.calls for layer, modes in zip(call.layers, call.modes) if id(layer) in ours]
    return all(agreed(modes) is False for modes in (*used, *(modes_of(layer, events) for layer in layers)))


def _is_optional(ref: NodeRef) -> bool:
    """Whether a condition decides about a statement of the program, other than that the program is run."""
    around = ways_to([ref.node], ref.file.tree).get(ref.node, ())
    conditions = [one for one in around if isinstance(one, (cst.If, cst.IfExp))]
    return any("__main__" not in code_of(one.test) for one in conditions)


def _first(ref: NodeRef) -> str:
    """The first argument of a call, as it is written."""
    args = ref.node.args if isinstance(ref.node, cst.Call) else ()
    return code_of(args[0].value) if args else "the model"


CONVERT = Builtin("convert_sync_batchnorm", _convert)
CONVERTERS: dict[str, Value] = {
    name: Builtin("convert", _convert_with_copies) for library in LIBRARIES for name in library.converters
}
