"""BatchNorm layers behind global pooling, and the batches that they get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bn_lint.facts import Evidence, Place, PooledBatchNorm
from bn_lint.static.interpreter.values import Instance, Provenance, Tensor
from bn_lint.static.torch_model.describing import label_of, layer_fact, path_to
from bn_lint.static.torch_model.mode import agreed, modes_of
from bn_lint.static.torch_model.watchers import events_of

if TYPE_CHECKING:
    from bn_lint.facts.dims import Dim
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.places import NodeRef

#: What gives an axis of size 1 without looking at more than one value.
_NO_POOLING = frozenset(
    "unsqueeze unsqueeze_ view reshape view_as reshape_as indexing narrow split chunk stack unflatten Unflatten".split()
)


class PooledCalls:
    """Calls of BatchNorm layers on maps of which pooling left a single value.

    Whether such a call is a mistake depends on the batches that the layer is trained on. One entry point may show the
    call, and another the batches, so the facts are made when all of them are over.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[cst.CSTNode, cst.CSTNode, Dim], PooledBatchNorm] = {}
        self._noted: dict[PooledBatchNorm, None] = {}
        #: The size of the smallest batches on which the layer built at a place is trained.
        self._trained: dict[Place, int] = {}
        self._synchronized: set[Place] = set()

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
        key = (layer.built.node, ref.node, x.axes[0].size)
        if key not in self._calls:
            maker, made = space[-1].origin or Provenance("?", ref)
            name = label_of(maker) if isinstance(maker, Instance) else maker
            step = Evidence(f"`{name}` leaves one value of each map", made.place)
            by = None if _pools(maker) else name if name == "indexing" else f"`{name}`"
            self._calls[key] = PooledBatchNorm(
                layer_fact(layer), ref.place, step, by, x.axes[0].size, path=path_to(interpreter.frame)
            )
            if not quiet:
                self._noted[self._calls[key]] = None
        return self._calls[key]

    def enlarged(self, pooled: PooledBatchNorm, origin: Provenance) -> None:
        """Note that what such a call gave grows along its spatial axes."""
        name = label_of(origin.maker) if isinstance(origin.maker, Instance) else origin.maker
        step = Evidence(f"`{name}` spreads it over a map again", origin.ref.place)
        if not any(one.enlarged is not None and replace(one, enlarged=None) == pooled for one in self._noted):
            self._noted[replace(pooled, enlarged=step)] = None

    def trained_on(self, layer: Instance, size: int) -> None:
        """Note the size of the batches on which a layer is trained."""
        if layer.built is not None:
            place = layer.built.place
            self._trained[place] = min(size, self._trained.get(place, size))

    def synchronized(self, layer: Instance) -> None:
        """Note that a layer becomes a SyncBatchNorm, which has the batches of all processes."""
        if layer.built is not None:
            self._synchronized.add(layer.built.place)

    def facts(self) -> Iterator[PooledBatchNorm]:
        """What was noted, with the size of the batches where the program gives it."""
        for fact in self._noted:
            place = fact.layer.built
            if place in self._synchronized:
                continue
            if place in self._trained:
                batch = fact.batch if isinstance(fact.batch, int) else self._trained[place]
                yield replace(fact, batch=batch, trained=batch == self._trained[place])
            else:
                yield fact


def _pools(maker: Instance | str) -> bool:
    """Whether what made an axis of size 1 took one value from many, rather than adding or cutting out an axis."""
    name = (maker.cls.name if isinstance(maker, Instance) else maker).rpartition(".")[2]
    return name not in _NO_POOLING
