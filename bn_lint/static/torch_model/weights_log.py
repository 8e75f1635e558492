"""What happens to weights and statistics of models besides training: they are loaded, copied, averaged, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn_lint.static.interpreter.hooks import Log
from bn_lint.static.interpreter.values import Instance, LibraryClass, Tensor, Value, alternatives
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.torch_model.happened import owners
from bn_lint.static.torch_model.mode import LOADED

if TYPE_CHECKING:
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.torch_model.events import EventLog

#: Cells of layers that have weights.
_WEIGHTY = frozenset({"in_features", "in_channels", "num_features", "num_embeddings", "track_running_stats"})


class WeightsLog(Log):
    """The part of the record of an entry point that is about weights and statistics."""

    def __init__(self) -> None:
        super().__init__()
        #: Modules whose weights are written by the program itself, as averages are.
        self.averaged: set[int] = set()
        #: Modules that are loaded from others of the program again and again, statistics and all.
        self.copies: list[Instance] = []
        #: Modules that foreign code was given together with others, of which it may make their weights.
        self.handed_together: set[int] = set()
        #: Modules whose weights are computed from others, with the first time and place.
        self.written: dict[int, tuple[Instance, int, NodeRef]] = {}
        #: In which passes of loops the weights of a module were computed from what they were; if they were read back
        #: from a dictionary, when.
        self.followed: dict[int, list[tuple[tuple[int, ...], int | None]]] = {}
        #: Modules whose running statistics something may have read or written: when, and where.
        self.statistics_seen: list[tuple[Instance, int, NodeRef]] = []
        #: BatchNorm layers whose running statistics were reset, to be learned from the calls that follow.
        self.recalibrated: set[int] = set()
        #: Where the weights of modules were first trained or loaded.
        self.prepared: dict[int, NodeRef] = {}
        self.kept: list[Instance] = []
        #: Whether a network, of which not all is in view, was given another first layer there.
        self.has_hidden_first_layer = False
        #: Modules that were copied, each with what it is a copy of.
        self._copies: dict[int, tuple[Instance, Instance]] = {}

    @property
    def size(self) -> int:
        return sum(len(one) for one in vars(self).values() if isinstance(one, (list, set, dict)))

    def module_copied(self, module: Instance, copy: Instance) -> None:
        self._copies[id(copy)] = copy, module

    def is_copy_of(self, module: Instance, original: Instance) -> bool:
        """Whether a module is another one, or was copied from it."""
        while module is not original and id(module) in self._copies:
            module = self._copies[id(module)][1]
        return module is original

    def weights_written(self, interpreter: Interpreter, module: Instance, ref: NodeRef) -> None:
        """The weights of a module are computed from others."""
        interpreter.store.disturb()
        self.averaged.add(id(module))
        self.written.setdefault(id(module), (module, self.now(), ref))
        self.follows(module)

    def first_layer_hidden(self, interpreter: Interpreter) -> None:
        interpreter.store.disturb()
        self.has_hidden_first_layer = True

    def follows(self, module: Instance, *, read_back: bool = False) -> None:
        """The weights of a module are computed from what they were before."""
        if self.loops:
            when = self.now() if read_back else None
            self.followed.setdefault(id(module), []).append((tuple(self.loops), when))

    def statistics_known(self, module: Value, ref: NodeRef) -> None:
        """Something may read or write the running statistics of a module."""
        if isinstance(module, Instance):
            self.statistics_seen.append((module, self.now(), ref))

    def statistics_read(self, interpreter: Interpreter, module: Value, ref: NodeRef) -> None:
        """The buffers of a module are read, by code that is not part of a model: its own layers normalize with them."""
        if self.depth == 0:
            interpreter.store.disturb()
            self.statistics_known(module, ref)

    def prepare(self, model: Instance, ref: NodeRef) -> None:
        """The weights of a model are trained or loaded."""
        for one in model.possible_descendants():
            if id(one) not in self.prepared:
                self.prepared[id(one)] = ref
                self.kept.append(one)  # so that its identity stays its own

    def loaded(self, interpreter: Interpreter, model: Value, ref: NodeRef) -> None:
        """A model is handed to something that loads weights, or a method of it does."""
        for one in alternatives(model):
            if not isinstance(one, Instance) or not one.is_module:
                continue
            if id(one) in self.prepared:
                self.prepare(one, ref)  # it may have got other parts since
            else:
                self.made_ready(interpreter, one, ref)

    def made_ready(self, interpreter: Interpreter, model: Instance, ref: NodeRef) -> None:
        """Weights are loaded; if the top level of a file does that, its functions find the model so, too."""
        self.prepare(model, ref)
        if interpreter.frame is not None and interpreter.frame.with_callers()[-1].function is None:
            interpreter.store.note(model, LOADED, ref)


def preparation(events: EventLog, model: Instance) -> NodeRef | None:
    """Where the weights of a model were trained or loaded; of what only holds layers, those of all of them."""
    if id(model) not in events.prepared:
        return _of_parts(events.prepared, model)
    return None if _has_new_part(events, model) else events.prepared[id(model)]


def _of_parts(prepared: dict[int, NodeRef], model: Instance) -> NodeRef | None:
    if not isinstance(model.cls, LibraryClass):
        parts = list(model.possible_descendants())
        own = [one for one in parts if not isinstance(one.cls, LibraryClass) and id(one) not in prepared]
        places = [prepared.get(id(one)) for one in parts if has_weights(one)]
        is_known = not any(type(value) is Tensor for one in own for value in one.cells.values())
    else:
        parts = [one for one in model.possible_children() if any(one.children()) or has_weights(one)]
        places = [prepared.get(id(one)) or _of_parts(prepared, one) for one in parts]
        is_known = True
    return places[0] if is_known and places and None not in places else None


def _has_new_part(events: EventLog, model: Instance) -> bool:
    """Whether a loaded network was given a layer that nothing has trained yet, such as the head for other classes.

    What it says means nothing then, in whatever mode: somebody tries whether it runs.
    """
    new = [one for one in model.possible_descendants() if id(one) not in events.prepared and has_weights(one)]
    return any(one.built is not None and events.replaced.isdisjoint(map(id, owners(one))) for one in new) and not any(
        (one.backward or one.may_be_trained) and events.related(one.model, model) for one in events.calls
    )


def has_weights(layer: Instance) -> bool:
    return not _WEIGHTY.isdisjoint(layer.cells)
