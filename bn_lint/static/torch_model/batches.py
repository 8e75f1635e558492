"""Batches: what a loader gives, and whether what is made of it still has one row for each sample."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from bn_lint.facts.dims import Expression
from bn_lint.static.interpreter.values import (
    Arguments,
    Axis,
    Builtin,
    DomainValue,
    Ghost,
    Provenance,
    Slice,
    Tensor,
    Unknown,
    Value,
)
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter

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
