"""Data loaders: how large the batches are, and how large the last one is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.builtins.argparse import default_of
from bn_lint.static.interpreter.values import (
    Arguments,
    Axis,
    BoundMethod,
    Builtin,
    External,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    List,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.batches import Batch, Batches, BatchTensor
from bn_lint.static.torch_model.collating import stacks_items

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

#: How many samples data sets of libraries have (training, test).
_LENGTHS = {name: lengths for library in LIBRARIES for name, lengths in library.datasets.items()}
_COUNTED = {name: count for library in LIBRARIES for name, count in library.counted_datasets.items()}


#: The batches of a loader.
_BATCHES: Ghost[Batches] = Ghost("batches")
#: The tensors that the samples of a data set are taken from.
_TENSORS: Ghost[Value] = Ghost("tensors")
#: The number of samples of a data set.
_LENGTH: Ghost[int] = Ghost("length")


def _init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    loader = arguments.receiver
    dataset = arguments.get(1, "dataset")
    # With `**options` that are not known, only what is written out is known.
    absent = Unknown("option") if arguments.more else None
    collate = arguments.get(7, "collate_fn")
    collated = collate is not None
    # What the program puts together itself, without a word about sizes, may come in batches from the data set.
    size = arguments.get(2, "batch_size", absent or (Unknown("batch_size") if collated else 1))
    sampler = arguments.keywords.get("batch_sampler")
    drop_last = arguments.get(9, "drop_last", absent or False)
    known = int(size) if isinstance(size, int) and not isinstance(size, bool) and sampler is None else None
    if known == 1 and not stacks_items(collate):
        known = None  # an item is a bag, or a batch that the data set has put together
    by_default = default_of(interpreter, size)
    length = _known_length(interpreter, dataset, ref) if arguments.get(4, "sampler", absent) is None else None
    loader.cells["dataset"] = dataset
    loader.cells["batch_size"] = size
    batches = Batches(
        ref,
        known,
        length,
        drop_last if isinstance(drop_last, bool) else None,
        is_told="drop_last" in arguments.keywords,
        is_collated=collated,
        by_default=by_default if isinstance(by_default, int) else None,
    )
    _BATCHES.put(loader, batches)


def _iterate(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    loader = arguments.receiver
    batches, dataset = _BATCHES.of(loader), loader.cells["dataset"]
    if batches is None:
        raise TypeError("a loader that was not constructed")
    tensors = _TENSORS.of(dataset) if isinstance(dataset, Instance) else None
    if isinstance(tensors, tuple):
        axis = Axis(batches.size, samples=True)
        sample = tuple(
            BatchTensor(batches, (axis, *t.axes[1:]))
            if isinstance(t, Tensor) and t.ranked and t.axes
            else Batch(batches)
            for t in tensors
        )
        return List((), (sample,))
    return List((), (Batch(batches),))


def _tensors_init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    dataset, tensors = arguments.receiver, arguments.positional[1:]
    _TENSORS.put(dataset, tuple(tensors))
    first = tensors[0] if tensors else None
    if isinstance(first, Tensor) and first.ranked and first.axes and isinstance(first.axes[0].size, int):
        _LENGTH.put(dataset, int(first.axes[0].size))


def _subset_init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    subset, dataset = arguments.receiver, arguments.get(1, "dataset")
    indices = arguments.get(2, "indices")
    if isinstance(dataset, Instance):
        _TENSORS.put(subset, _TENSORS.of(dataset))
    if isinstance(indices, (range, tuple)):
        _LENGTH.put(subset, len(indices))
    elif isinstance(indices, List) and not indices.rest:
        _LENGTH.put(subset, len(indices.items))


def _random_split(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    dataset, lengths = arguments.get(0, "dataset"), arguments.get(1, "lengths")
    items = lengths.items if isinstance(lengths, List) else lengths if isinstance(lengths, tuple) else ()
    parts = []
    whole = _known_length(interpreter, dataset, ref)
    fractions = [part for part in items if isinstance(part, float)]
    if items and len(fractions) == len(items):
        items = _shares(whole, fractions) if whole is not None else (None,) * len(items)
    for length in items:
        part = Instance(SUBSET, ref)
        if isinstance(dataset, Instance):
            _TENSORS.put(part, _TENSORS.of(dataset))
        if isinstance(length, int):
            _LENGTH.put(part, int(length))
        parts.append(part)
    return List(tuple(parts)) if parts else Unknown("subsets", "the lengths of the parts are not known")


def _shares(whole: int, fractions: Sequence[float]) -> tuple[int, ...]:
    """The lengths that `random_split` makes of fractions: rounded down, and what remains given out one by one."""
    lengths = [math.floor(whole * fraction) for fraction in fractions]
    for index in range(whole - sum(lengths) if math.isclose(sum(fractions), 1) else 0):
        lengths[index % len(lengths)] += 1
    return tuple(lengths)


def length_of(dataset: Value) -> int | None:
    """The number of samples of a data set."""
    length = _LENGTH.of(dataset) if isinstance(dataset, Instance) else None
    return length if isinstance(length, int) else None


def _known_length(interpreter: Interpreter, dataset: Value, ref: NodeRef) -> int | None:
    """The number of samples, also of a data set that the program defines."""
    length = length_of(dataset)
    if length is None and isinstance(dataset, Instance):
        method = dataset.cls.lookup("__len__")[0]
        if isinstance(method, Function):
            from bn_lint.static.interpreter.calls import call

            counted = call(interpreter, BoundMethod(method, dataset), Arguments(), ref, interpreter.frame)
            length = int(counted) if isinstance(counted, int) and not isinstance(counted, bool) else None
    return length


def _length(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
    length = length_of(arguments.positional[0])
    return Unknown("len(dataset)", "the length of the data set is not known") if length is None else length


def _named_init(name: str) -> Builtin:
    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        dataset = arguments.receiver
        split = arguments.keywords.get(
            "split", arguments.get(2, "train", True if "SVHN STL10".find(name) < 0 else "train")
        )
        if isinstance(split, (bool, str)):
            _LENGTH.put(dataset, _LENGTHS[name][0 if split in (True, "train") else 1])

    return Builtin("__init__", init)


def _counted_init(parameter: str, default: int) -> Builtin:
    def init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
        size = arguments.get(1, parameter, None if arguments.more else default)
        if isinstance(size, int):
            _LENGTH.put(arguments.receiver, int(size))

    return Builtin("__init__", init)


def _concatenated_init(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> None:
    parts = arguments.get(1, "datasets")
    items = parts.items if isinstance(parts, List) and not parts.rest else parts if isinstance(parts, tuple) else ()
    lengths = [_known_length(interpreter, one, ref) for one in items]
    known = [one for one in lengths if one is not None]
    if known and len(known) == len(lengths):
        _LENGTH.put(arguments.receiver, sum(known))


DATASET = LibraryClass("torch.utils.data.Dataset")
_OWN: dict[str, Value] = {"__len__": Builtin("__len__", _length)}
SUBSET = LibraryClass(
    "torch.utils.data.Subset", (DATASET,), (), {**_OWN, "__init__": Builtin("__init__", _subset_init)}
)
LOADERS: dict[str, Value] = {
    "torch.utils.data.DataLoader": LibraryClass(
        "torch.utils.data.DataLoader",
        (),
        (),
        {"__init__": Builtin("__init__", _init), "__iter__": Builtin("__iter__", _iterate)},
    ),
    "torch.utils.data.Dataset": External("torch.utils.data.Dataset"),
    "torch.utils.data.TensorDataset": LibraryClass(
        "torch.utils.data.TensorDataset", (DATASET,), (), {**_OWN, "__init__": Builtin("__init__", _tensors_init)}
    ),
    "torch.utils.data.ConcatDataset": LibraryClass(
        "torch.utils.data.ConcatDataset",
        (DATASET,),
        (),
        {**_OWN, "__init__": Builtin("__init__", _concatenated_init)},
    ),
    "torch.utils.data.Subset": SUBSET,
    "torch.utils.data.random_split": Builtin("random_split", _random_split),
}
for _name in _LENGTHS:
    LOADERS[_name] = LibraryClass(_name, (DATASET,), (), {**_OWN, "__init__": _named_init(_name)})
for _name, _count in _COUNTED.items():
    LOADERS[_name] = LibraryClass(_name, (DATASET,), (), {**_OWN, "__init__": _counted_init(*_count)})
for _name in ("DataLoader", "TensorDataset", "ConcatDataset", "Subset", "random_split", "Dataset"):
    LOADERS[f"torch.utils.data.dataloader.{_name}"] = LOADERS[f"torch.utils.data.{_name}"]
    LOADERS[f"torch.utils.data.dataset.{_name}"] = LOADERS[f"torch.utils.data.{_name}"]
