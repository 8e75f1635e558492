"""Data loaders: how large the batches are, and how large the last one is."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression
from bn_lint.libraries import LIBRARIES
from bn_lint.static.interpreter.builtins.argparse import default_of
from bn_lint.static.interpreter.values import (
    Arguments,
    Axis,
    BoundMethod,
    Builtin,
    DomainValue,
    External,
    Function,
    Ghost,
    Instance,
    LibraryClass,
    List,
    Provenance,
    Slice,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.collating import stacks_items
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

#: How many samples data sets of libraries have (training, test).
_LENGTHS = {name: lengths for library in LIBRARIES for name, lengths in library.datasets.items()}
_COUNTED = {name: count for library in LIBRARIES for name, count in library.counted_datasets.items()}


#: Names of batches are cut off here.
_WHOLE_NAME = 60


class Batches(DomainValue):
    """The batches that a loader gives."""

    __slots__ = ("by_default", "drop_last", "is_collated", "is_told", "length", "ref", "size")

    def __init__(
        self,
        ref: NodeRef,
        size: int | None,
        length: int | None,
        drop_last: bool | None,
        *,
        is_told: bool = False,
        is_collated: bool = False,
        by_default: int | None = None,
    ) -> None:
        self.ref = ref
        self.size = size
        #: The size, or what it is by the default of an option, which is there to be given.
        self.by_default = size if by_default is None else by_default
        self.length = length
        self.drop_last = drop_last
        #: Whether `drop_last` is an argument of the call, by whatever way.
        self.is_told = is_told
        #: Whether the program puts the batches together itself.
        self.is_collated = is_collated

    @property
    def last(self) -> int | None:
        """The size of the last batch, where it is smaller than the others and known."""
        if self.size is None or self.length is None or self.drop_last is not False:
            return None
        return self.length % self.size or None

    @property
    def may_be_left_over(self) -> bool:
        """Whether the last batch has as many samples as an unknown number leaves over."""
        return self.size is not None and self.length is None and self.drop_last is False


class Batch(Unknown):
    """What a loader gives in one pass, or a part of it."""

    __slots__ = ("batches",)

    def __init__(self, batches: Batches, name: str = "batch") -> None:
        super().__init__(name, "the data set decides what a batch holds")
        self.batches = batches

    def summary_key(self) -> Hashable | None:
        """What identifies it as an argument of a remembered call; long names are cut off and identify nothing."""
        return (Batch, self.batches, self.name) if len(self.name) < _WHOLE_NAME else None

    def operand(self) -> Batch | None:
        """Arithmetic on a batch gives another one; its size is a number like others."""
        if _NOT_DATA.search(self.name):
            return None
        return Batch(self.batches, f"{self.name.removesuffix(' ...')} ..."[:_WHOLE_NAME])

    def stands_for(self, other: Unknown) -> bool:
        """Parts of the same batches are alike."""
        return isinstance(other, Batch) and other.batches is self.batches

    @property
    def is_part(self) -> bool:
        """Whether it is something of what the loader gives, or was made of it."""
        return not self.name.isidentifier()

    def member(self, key: object, text: str, *, free: bool = True) -> Unknown:
        if self._members is None:
            self._members = {}
        found = self._members.get(key)
        if found is None:
            name = (self.name + text)[:_WHOLE_NAME]
            # A loader of single items often gives whole batches, which the program unpacks: `images[0]`.
            is_unpacked = self.batches.size == 1 and text.startswith("[") and self.is_part
            found = Unknown(name, self.why) if is_unpacked and type(key) is tuple else Batch(self.batches, name)
            self._members[key] = found
        return found


class BatchTensor(Tensor):
    """A tensor whose first axis is the batch of a loader."""

    __slots__ = ("batches",)

    def __init__(self, batches: Batches, axes: tuple[Axis, ...], *, origin: Provenance | None = None) -> None:
        super().__init__(axes, ranked=True, origin=origin)
        self.batches = batches

    def key(self) -> Hashable:
        """Batches of different loaders are not the same, whatever their shape."""
        return (BatchTensor, self.batches, super().key())


def batches_of(value: Value) -> Batches | None:
    """The loader that a value came from."""
    found = getattr(value, "batches", None)
    return found if isinstance(found, Batches) else None


def batches_among(values: Iterable[Value]) -> Batches | None:
    """The loader that the first of some values comes from that comes from one."""
    return next(filter(None, map(batches_of, values)), None)


def samples_among(values: Sequence[Value]) -> int | None:
    """How many samples a model is given: those of a batch, by default, or along the first axis of the first tensor."""
    batches = batches_among(values)
    if batches is not None:
        return batches.by_default
    first = next((one for one in values if isinstance(one, Tensor) and (one.single or (one.ranked and one.axes))), None)
    if first is None or not first.ranked:
        return None if first is None else 1
    size = first.axes[0].size
    return size if isinstance(size, int) else None


#: Whether what a model of a library was given last may have the samples of a batch as its first axis.
GIVEN_SAMPLES: Ghost[bool] = Ghost("given samples", decides=False)
#: The batches of a loader.
_BATCHES: Ghost[Batches] = Ghost("batches")
#: The tensors that the samples of a data set are taken from.
_TENSORS: Ghost[Value] = Ghost("tensors")
#: The number of samples of a data set.
_LENGTH: Ghost[int] = Ghost("length")

#: Methods of tensors after which the first axis may be another than that of the batch.
_RESHAPING = frozenset(
    "squeeze view reshape flatten unflatten repeat repeat_interleave expand transpose permute swapaxes movedim unbind "
    "unfold split chunk".split()
)


#: Attributes and methods of a tensor that tell about it, in the name of what is read from a batch.
_NOT_DATA = re.compile(r"\.(?:shape|size|dim|ndim|numel|nelement|ndimension|item|tolist|device|dtype)\b")


def keeps_batch_axis(node: cst.CSTNode, arguments: Arguments) -> bool:
    """Whether what a method of a batch gives has the batch as its first axis; of unknown methods it is believed."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
        return True
    name, first = node.func.attr.value, arguments.get(0, "dim", arguments.keywords.get("start_dim"))
    if name in ("squeeze", "flatten", "repeat", "permute"):
        return isinstance(first, int) and first > 0 if name != "permute" else first == 0
    if name in ("transpose", "swapaxes"):
        swapped = (arguments.get(0, "dim0"), arguments.get(1, "dim1"))
        return all(isinstance(axis, int) and axis > 0 for axis in swapped)
    return name not in _RESHAPING


def note_regrouping(interpreter: Interpreter) -> None:
    """What the model computes with from here on may be no samples.

    An item is often a whole bag of instances, or a clip of pictures, of which forward() makes the batch.
    """
    events = events_of(interpreter)
    if events.depth and events.outermost is not None:
        events.outermost.batches = None
        interpreter.store.disturb()


def note_call(interpreter: Interpreter, batch: Batch, name: str, arguments: Arguments) -> None:
    """A method of a batch is called with some arguments."""
    if _regroups(batch, name, arguments):
        note_regrouping(interpreter)


def note_pattern(interpreter: Interpreter, arguments: Arguments) -> None:
    """A function of einops is called: `rearrange(x, "b t c h w -> (b t) c h w")`."""
    before, _, after = str(arguments.get(1, "pattern")).partition("->")
    if isinstance(arguments.get(0, "tensor"), Batch) and before.split()[:1] != after.split()[:1]:
        note_regrouping(interpreter)


def _regroups(batch: Batch, name: str, arguments: Arguments) -> bool:
    """Whether the first axis of what a method of a batch gives is another one, or is joined with the next."""
    first = arguments.get(0, "dim", arguments.keywords.get("start_dim", 0))
    if name in ("squeeze", "flatten"):
        return first == 0
    if name not in ("view", "reshape"):
        return False
    sizes = first if isinstance(first, tuple) else tuple(arguments.positional)
    if not sizes or isinstance(sizes[0], Expression):
        return bool(sizes)  # a product, of the number of samples and that of pictures in each
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        return True  # sizes that were computed elsewhere
    # `view(-1, 784)` makes a row of each sample; with more axes it makes pictures of all that there are.
    return len(sizes) > 2 if sizes[0] == -1 else isinstance(sizes[0], int) and sizes[0] != batch.batches.size


def shaping(method: Builtin, batch: Batch) -> Builtin:
    """A method of a batch that tells the shape of its result: the first axis may still be the batch."""

    def shape(interpreter: Interpreter, arguments: Arguments, ref: NodeRef) -> Value:
        note_call(interpreter, batch, method.name, arguments.shifted())
        result = method.implementation(interpreter, arguments, ref)
        if not isinstance(result, Tensor) or not result.ranked or not result.axes:
            return result
        given = arguments.shifted()
        if method.name in ("view", "reshape") and not _regroups(batch, method.name, given):
            return Tensor((Axis(batch.batches.size, samples=True), *result.axes[1:]), origin=result.origin)
        if not keeps_batch_axis(ref.node, given):
            return result
        return BatchTensor(batch.batches, (Axis(batch.batches.size, samples=True), *result.axes[1:]))

    return Builtin(method.name, shape)


def keeps_rows(key: Value) -> bool:
    """Whether a subscript gives all samples of a batch, or has them in another order: `x[:, 0]`, `x[permutation]`."""
    rows = key[0] if isinstance(key, tuple) and key else key
    return isinstance(rows, Tensor) or (isinstance(rows, Slice) and rows.concrete == slice(None))


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
