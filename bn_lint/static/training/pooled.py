"""BatchNorm layers behind global pooling, and the batches that they get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, PooledBatchNorm
from bn_lint.static.interpreter.values import Instance, Provenance, Tensor
from bn_lint.static.torch_model.describing import label_of, layer_fact, path_to
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.watchers import events_of
from bn_lint.static.training.notes import Note, PooledNote, SyncNote, TrainedNote

if TYPE_CHECKING:
    from collections.abc import Callable

    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax.places import NodeRef

#: What gives an axis of size 1 without looking at more than one value.
_NO_POOLING = frozenset(
    "unsqueeze unsqueeze_ view reshape view_as reshape_as indexing narrow split chunk stack unflatten Unflatten".split()
)


class PooledCalls:
    """Calls of BatchNorm layers on maps of which pooling left a single value, as one turn shows them.

    Whether such a call is a mistake depends on the batches that the layer is trained on: `Notes` puts both together.
    """

    def __init__(self, write: Callable[[Note], None]) -> None:
        """Set up.

        Args:
            write: Takes what is noted.
        """
        self._write = write
        self._calls: dict[object, PooledBatchNorm] = {}
        self._noted: list[PooledBatchNorm] = []
        self._written: set[Note] = set()

    def begin(self) -> None:
        """A turn begins."""
        self._calls.clear()
        self._noted.clear()
        self._written.clear()

    def call(
        self, interpreter: Interpreter, layer: Instance, x: Tensor, ref: NodeRef, *, quiet: bool
    ) -> PooledBatchNorm | None:
        """Note the call of a layer, if pooling left a single value of each map; returns what was noted.

        In evaluation mode the layer needs no batch.
        """
        space = x.axes[2:]
        if layer.built is None or not x.ranked or not space or any(a.size != 1 or a.origin is None for a in space):
            return None
        if agreed(modes_of(layer, events_of(interpreter))) is False:
            return None
        key = ("pooled", layer.built.place, ref.place, x.axes[0].size)
        if key not in self._calls:
            maker, made = space[-1].origin or Provenance("?", ref)
            name = label_of(maker) if isinstance(maker, Instance) else maker
            step = Evidence(f"`{name}` leaves one value of each map", made.place)
            by = None if _pools(maker) else name if name == "indexing" else f"`{name}`"
            self._calls[key] = PooledBatchNorm(
                layer_fact(layer), ref.place, step, by, x.axes[0].size, path=path_to(interpreter.frame)
            )
            if not quiet:
                self._note(key, self._calls[key])
        return self._calls[key]

    def enlarged(self, pooled: PooledBatchNorm, origin: Provenance) -> None:
        """Note that what such a call gave grows along its spatial axes."""
        name = label_of(origin.maker) if isinstance(origin.maker, Instance) else origin.maker
        step = Evidence(f"`{name}` spreads it over a map again", origin.ref.place)
        if not any(one.enlarged is not None and replace(one, enlarged=None) == pooled for one in self._noted):
            enlarged = replace(pooled, enlarged=step)
            self._note(("enlarged", pooled), enlarged)

    def _note(self, key: object, fact: PooledBatchNorm) -> None:
        self._noted.append(fact)
        self._write(PooledNote(key, fact))

    def trained_on(self, layer: Instance, size: int | None, by_default: int | None) -> None:
        """Note the size of the batches on which a layer is trained, where it is known, if only by a default."""
        if layer.built is not None:
            self._write_once(TrainedNote(layer.built.place, size, by_default))

    def synchronized(self, layer: Instance) -> None:
        """Note that a layer becomes a SyncBatchNorm, which has the batches of all processes."""
        if layer.built is not None:
            self._write_once(SyncNote(layer.built.place))

    def _write_once(self, note: TrainedNote | SyncNote) -> None:
        if note not in self._written:
            self._written.add(note)
            self._write(note)


def _pools(maker: Instance | str) -> bool:
    """Whether what made an axis of size 1 took one value from many, rather than adding or cutting out an axis."""
    name = (maker.cls.name if isinstance(maker, Instance) else maker).rpartition(".")[2]
    return name not in _NO_POOLING
